import AgentProtocol
import ControlProtocol
import Foundation
import LinuxSystem
import ProxyClient
import Synchronization
import VirtualMachine

/// Follows one running VM: its boot's events, the user's signals and QEMU's end, all in one `poll` on a thread of its own.
///
/// Only that thread uses the registration and the progress while the machine runs; before and after, only the caller does.
final class GuestConductor: @unchecked Sendable {
    let name: String
    private let directory: String
    private let proxy: ProxyProcess
    private let token: [UInt8]
    private let signals: SignalInbox
    private let options: RunCommand
    private let console: LogRelay
    private var progress: BootProgress
    private var registration: GuestRegistration?
    /// When the guest is to be registered again, where it is not.
    private var nextAttempt = Deadline.none
    /// QEMU's process, once it runs: every proxy that the guest is registered with is told, to end it when this program vanishes.
    private var process: Int32?
    private var state = GuestState.waiting
    private var stateDetail = ""
    private var refusal: String?
    private var inputHasEnded = false
    /// The boot goes on after a failure.
    private var hasFailed = false

    /// How a run came to its end, as far as this program had a hand in it.
    enum Outcome {
        /// The command has ended, or was left by the user.
        case command(ExecOutcome)
        /// The VM ended by itself.
        case machineEnded
        /// The boot did not come to where a command can run.
        case bootFailed(String)
        /// A step of the boot failed, and said why.
        case stepFailed(String)
        /// The user ended it.
        case interrupted(CInt)
    }

    init(
        name: String, directory: String, proxy: ProxyProcess, token: [UInt8], signals: SignalInbox, options: RunCommand,
        console: LogRelay, progress: BootProgress
    ) {
        (self.name, self.directory, self.proxy, self.token) = (name, directory, proxy, token)
        (self.signals, self.options, self.console, self.progress) = (signals, options, console, progress)
    }

    // MARK: Registration

    /// Registers the guest, so that its socket is there before its kernel is.
    func register() throws {
        let registration = try proxy.register(name, token: token)
        self.registration = registration
        console.attach(registration)
        if let process { try registration.setProcess(process) }
    }

    /// Says good-bye to the proxy, which removes the guest's socket, and itself where this was its last guest.
    func unregister() {
        progress.wipe()
        console.finish(milliseconds: 1_000)
        guard var registration else { return }
        self.registration = nil
        if (try? registration.end()) == true { proxy.waitUntilGone() }
    }

    // MARK: The run

    /// Shows what was noted before there was a run.
    func show(_ notes: NoteBuffer) { notes.all.forEach { progress.note($0) } }

    /// Follows the machine to the end of its purpose. When this returns, the machine has ended or is to be ended.
    func conduct(_ machine: RunningMachine) async throws -> Outcome {
        let ended = try FileDescriptor.pipe()
        let watch = Task {
            await machine.waitUntilEnded()
            ended.writeEnd.close()
        }
        defer {
            watch.cancel()
            ended.readEnd.close()
        }
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { [self] in
                continuation.resume(with: Result { try conduct(machine, end: ended.readEnd) })
            }
        }
    }

    private func conduct(_ machine: RunningMachine, end: FileDescriptor) throws -> Outcome {
        process = machine.processIdentifier
        // A proxy that is gone is seen below.
        try? registration?.setProcess(machine.processIdentifier)
        progress.waiting("starting")
        if let outcome = try waitForBoot(end) { return outcome }
        guard options.command.isEmpty else { return try runCommand(end) }
        progress.note("\(name) is up: socat \(directory)/\(name).socket stdio, or vm exec \(name) -- COMMAND; Ctrl-C ends it")
        return try stay(end)
    }

    /// What a wait met.
    private enum Event { case signal(CInt), machineEnded, registration, timeout }

    private func nextEvent(_ end: FileDescriptor, until deadline: Deadline) throws -> Event {
        while true {
            var interests = [
                pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: end.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: registration?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
                // Not read: only its end is looked for.
                pollfd(fd: options.untilInputEnds && !inputHasEnded ? STDIN_FILENO : -1, events: 0, revents: 0),
            ]
            let wait = registration == nil ? nextAttempt.earlier(deadline) : deadline
            let ready = poll(&interests, nfds_t(interests.count), wait.pollTimeout)
            guard ready >= 0 || errno == EINTR else { throw Failure("poll: \(Errno.current)") }
            if registration == nil, nextAttempt.hasPassed { registerAgain() }
            if let signal = signals.next() { return .signal(signal) }
            // Events that came before the end are told first.
            if interests[2].revents != 0 { return .registration }
            if interests[1].revents != 0 { return .machineEnded }
            if interests[3].revents != 0 {
                inputHasEnded = true
                return .signal(SIGTERM)
            }
            if ready == 0, deadline.hasPassed { return .timeout }
        }
    }

    /// Nil when the guest is ready, or, without a command, when its boot failed and it can be entered.
    private func waitForBoot(_ end: FileDescriptor) throws -> Outcome? {
        let deadline = options.command.isEmpty ? Deadline.none : .after(.seconds(options.bootTimeout))
        while true {
            switch try nextEvent(end, until: deadline) {
            case .signal(let signal): return .interrupted(signal)
            case .machineEnded: return .machineEnded
            case .timeout: return .bootFailed(timeoutReason)
            case .registration: try takeEvents()
            }
            switch state {
            case .waiting, .booting: break
            case .ready, .poweringOff:
                progress.wipe()
                return nil
            case .failed:
                progress.wipe()
                if options.command.isEmpty {
                    progress.note(
                        "\(name) did not boot (\(stateDetail)), but can be entered: socat \(directory)/\(name).socket stdio; there, "
                            + "'vm-agent resume' tries again; Ctrl-C ends it"
                    )
                    return try stay(end)
                }
                return .stepFailed("the boot of \(name) failed: \(stateDetail)")
            }
        }
    }

    private var timeoutReason: String {
        let seconds = options.bootTimeout
        if let refusal { return "\(name) has no link after \(seconds) s: its agent was refused: \(refusal)" }
        return state == .waiting
            ? "\(name) has not connected within \(seconds) s; is there a vm-agent in its initrd, and virtio_net for its network?"
            : "\(name) has not booted within \(seconds) s; 'vm ps --steps' shows where it is"
    }

    /// Applies what the proxy told; when the proxy is gone, another one takes its place.
    private func takeEvents() throws {
        guard var current = registration else { return }
        let (events, ended) = try current.arrivedEvents()
        registration = current
        for event in events { apply(event) }
        guard ended else { return }
        registration = nil
        progress.note("the vm-proxy of \(directory) is gone; starting another one")
        registerAgain()
    }

    /// The VM runs on without a proxy: only its sessions are lost, and come back with one.
    private func registerAgain() {
        do {
            try register()
            nextAttempt = .none
        } catch {
            if !nextAttempt.isBounded { progress.note("cannot register \(name) again: \(error); trying every 5 s") }
            registration = nil
            nextAttempt = .after(.seconds(5))
        }
    }

    private func apply(_ event: GuestEvent) {
        switch event {
        case .linkUp, .linkDown: break
        case .linkRefused(let reason): refusal = reason
        // With a command, what failed is the run's own error.
        case .step(let step): if step.state != .failed || options.command.isEmpty { progress.show(step) }
        case .state(let new, let detail, _):
            if options.command.isEmpty, state == .failed || hasFailed {
                hasFailed = new == .booting
                if new == .ready { progress.note("\(name) has booted after all") }
            }
            (state, stateDetail) = (new, detail)
        }
    }

    /// Stays until the VM ends or the user ends it.
    private func stay(_ end: FileDescriptor) throws -> Outcome {
        while true {
            switch try nextEvent(end, until: .none) {
            case .signal(let signal):
                progress.note("powering \(name) off; once more ends it at once")
                powerOff(end)
                return .interrupted(signal)
            case .machineEnded: return .machineEnded
            case .registration: try takeEvents()
            case .timeout: break
            }
        }
    }

    private func runCommand(_ end: FileDescriptor) throws -> Outcome {
        var command = Command(arguments: RawArguments.last(options.command.count))
        if options.files.root == .host { HostContext.apply(to: &command) }
        let outcome: ExecOutcome
        do throws(ProxyClientError) {
            outcome = try ProxyClient(directory: directory).exec(command, in: name, now: true, signals: signals)
        } catch {
            if case .interrupted(let signal) = error { return .interrupted(signal) }
            // QEMU's own end says more than the link's.
            if case .machineEnded = try nextEvent(end, until: .after(.milliseconds(500))) { return .machineEnded }
            return .bootFailed("\(error)")
        }
        if keepsAnything { powerOff(end) }
        return .command(outcome)
    }

    /// Whether the guest can hold what is still to be written to the host's files: to a disk that is kept, or to a directory.
    private var keepsAnything: Bool {
        options.files.mount.contains { $0.isWritable } || (options.files.root == .disk && !options.machine.ephemeral)
    }

    /// Asks the guest to power off and waits until it has, a signal comes, or the time is over.
    private func powerOff(_ end: FileDescriptor) {
        let seconds = GuestStatus.powerOffPatience
        do {
            try ProxyClient(directory: directory).powerOff(name)
            let deadline = Deadline.after(.seconds(seconds))
            while true {
                switch try nextEvent(end, until: deadline) {
                case .machineEnded, .signal: return
                case .registration: try takeEvents()
                case .timeout: return Terminal.say("\(name) has not powered off within \(seconds) s; ending it")
                }
            }
        } catch {
            // It cannot be asked; QEMU is ended instead.
            Terminal.say("\(name) cannot be asked to power off: \(error)")
        }
    }

    // MARK: The end

    /// The exit code of a run; a failure with the console's last lines where the guest did not get that far.
    func exitCode(of outcome: Outcome, _ end: MachineEnd) throws(Failure) -> Int32 {
        progress.wipe()
        switch outcome {
        case .command(let outcome): return CommandEnd.report(outcome)
        case .interrupted(let signal): return options.command.isEmpty && state != .waiting && state != .booting ? 0 : 128 + signal
        case .bootFailed(let reason): throw Failure(MachineReport.text(reason, end))
        case .stepFailed(let reason): throw Failure(reason)
        case .machineEnded:
            if let reason = MachineReport.fault(of: end, name: name) { throw Failure(MachineReport.text(reason, end)) }
            guard options.command.isEmpty else {
                throw Failure(MachineReport.text("\(name) powered off before its command ended", end))
            }
            return 0
        }
    }
}
