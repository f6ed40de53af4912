internal import CLinux
internal import GuestBoot
internal import LinuxSystem

/// What PID 1 does while it does not boot: it reaps, keeps a serving process, powers off when asked, and after a failure waits
/// for `vm-agent resume`. It sleeps until one of these happens.
struct Caretaker {
    private let signals: FileDescriptor
    private let startServer: () -> BootChannel?
    private var restarts = 0
    private var shells = ConsoleShells()

    /// Programs that are started later have their signals as usual.
    ///
    /// - Parameter startServer: makes a serving process; nil when that is not possible.
    init(startServer: @escaping () -> BootChannel?) {
        self.startServer = startServer
        var numbers = [SIGCHLD, SIGTERM, SIGINT, SIGUSR2]
        signals = FileDescriptor(rawValue: linux_signal_descriptor(&numbers, CInt(numbers.count)))
    }

    /// Stays for ever.
    mutating func stay(_ runner: inout BootRunner) -> Never {
        if runner.failure == nil { shells.start(runner.plan.consoleShells) }
        while true { wait(for: nil, &runner) }
    }

    /// Waits until somebody asks for the boot that has failed to go on; gives the place in the plan to go on from. Who asked is
    /// the reporter's client from then on.
    mutating func waitForResume(_ runner: inout BootRunner) -> Int {
        let socket: ResumeSocket
        do throws(Errno) { socket = try ResumeSocket() } catch {
            writeKernelLog(.error, "cannot wait for 'vm-agent resume': \(error.description)")
            stay(&runner)
        }
        defer { socket.listener.close() }
        while true {
            guard wait(for: socket.listener, &runner), let (request, client) = socket.next() else { continue }
            do throws(StepFailure) {
                if let start = try runner.start(request) {
                    runner.reporter.client = client
                    return start
                }
                client.end(.done, runner.rescueText)
            } catch {
                client.end(.refused, error.text)
            }
        }
    }

    /// Waits for one thing to happen and deals with it; true when it is that `listener` is ready.
    @discardableResult private mutating func wait(for listener: FileDescriptor?, _ runner: inout BootRunner) -> Bool {
        while true {
            let process = linux_reap_any()
            guard process > 0 else { break }
            shells.restart(after: process)
        }
        let channel = runner.reporter.channel
        var requests = (
            pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: channel?.socket.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listener?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
        )
        withUnsafeMutablePointer(to: &requests) {
            $0.withMemoryRebound(to: pollfd.self, capacity: 3) { _ = poll($0, 3, -1) }
        }
        if requests.0.revents != 0, isAskedToEnd() { PowerOff.run(.powerOff) }
        if requests.1.revents != 0, let channel { hear(channel, &runner) }
        return requests.2.revents != 0
    }

    private mutating func hear(_ channel: BootChannel, _ runner: inout BootRunner) {
        switch channel.receive(milliseconds: 0) {
        case .message(.powerOff): PowerOff.run(.powerOff)
        case .ended:
            // A guest that cannot be entered is of no use; one whose serving process always ends is not made better.
            channel.socket.close()
            restarts += 1
            writeKernelLog(.error, "the serving process has ended; \(restarts <= 5 ? "starting another one" : "giving up")")
            runner.reporter.channel = restarts <= 5 ? startServer() : nil
            runner.reporter.bootIsOver(failure: runner.failureText)
        case .message, .nothing: break
        }
    }

    /// Takes the pending signals; true when one of them asks for the end.
    private func isAskedToEnd() -> Bool {
        var asked = false
        var information = signalfd_siginfo()
        while read(signals.rawValue, &information, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            if information.ssi_signo != UInt32(SIGCHLD) { asked = true }
        }
        return asked
    }
}
