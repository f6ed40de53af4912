internal import AgentProtocol
internal import LinuxSystem

/// Tells of the boot as it happens: to the kernel's log, and to the serving process for the link.
public struct BootReporter: Sendable {
    let channel: BootChannel?

    /// Reports to the kernel's log, and to `channel` when there is one.
    public init(_ channel: BootChannel?) { self.channel = channel }

    func step(_ index: Int, _ step: BootStep, _ outcome: StepOutcome, _ detail: String = "") {
        let uptime = Uptime.microseconds
        channel?.send(
            .step(StepReport(index: UInt16(truncatingIfNeeded: index), outcome: outcome, uptime: uptime, name: step.name, detail: detail)))
        switch outcome {
        case .started: break
        case .succeeded: writeKernelLog(.information, "\(step.name): \(detail)")
        case .warned: writeKernelLog(.error, "\(step.name): warning: \(detail)")
        case .failed: writeKernelLog(.error, "\(step.name) failed: \(detail)")
        }
    }

    /// Tells a new serving process, which knows nothing of the boot, that it is over.
    public func bootIsOver() {
        channel?.send(.networkUp)
        boot(.ready, "the serving process was started again")
    }

    func boot(_ state: BootState, _ detail: String) {
        channel?.send(.boot(BootReport(state: state, uptime: Uptime.microseconds, detail: detail)))
    }
}
