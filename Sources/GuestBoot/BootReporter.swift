internal import AgentProtocol
internal import LinuxSystem

/// Tells of the boot as it happens: to the kernel's log, and to the serving process for the link.
public struct BootReporter: Sendable {
    /// The serving process; nil when there is none.
    public var channel: BootChannel?
    /// Who has asked for the boot to go on, while it does.
    public var client: ResumeClient?

    /// Reports to the kernel's log, and to `channel` when there is one.
    public init(_ channel: BootChannel?) { self.channel = channel }

    func step(_ index: Int, _ step: BootStep, _ outcome: StepOutcome, _ detail: String = "") {
        let uptime = Uptime.microseconds
        channel?.send(
            .step(StepReport(index: UInt16(truncatingIfNeeded: index), outcome: outcome, uptime: uptime, name: step.name, detail: detail)))
        let line: String
        switch outcome {
        // Progress has a detail; a step that only begins has none.
        case .started: line = detail.isEmpty ? "" : step.name + ": " + detail
        case .succeeded: line = step.name + ": " + detail
        case .warned: line = step.name + ": warning: " + detail
        case .failed: line = step.name + " failed: " + detail
        }
        if outcome != .started { writeKernelLog(outcome == .succeeded ? .information : .error, line) }
        if !line.isEmpty, outcome != .failed { client?.tell(.line, line) }
    }

    /// Tells a new serving process, which knows nothing of the boot, how it ended.
    public func bootIsOver(failure: String?) {
        channel?.send(.networkUp)
        if let failure { boot(.failed, failure) } else { boot(.ready, "the serving process was started again") }
    }

    func boot(_ state: BootState, _ detail: String) {
        channel?.send(.boot(BootReport(state: state, uptime: Uptime.microseconds, detail: detail)))
    }
}
