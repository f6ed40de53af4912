import Dispatch
import Glibc
import Synchronization

/// A QEMU that runs, as the body of `withRunningMachine` sees it. Of no use after the body has returned.
public final class RunningMachine: Sendable {
    /// QEMU's process id; it leads its own session and process group.
    public let processIdentifier: Int32
    /// What runs.
    public let description: MachineDescription

    /// What QEMU writes.
    enum Stream {
        /// Standard output: the guest's serial console.
        case console
        /// Standard error: QEMU's own words.
        case messages
    }

    private let state = Mutex(State())

    private struct State {
        var console = ConsoleTail()
        var messages = ConsoleTail(capacity: 20)
        var openStreams = 2
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    init(processIdentifier: Int32, description: MachineDescription) {
        self.processIdentifier = processIdentifier
        self.description = description
    }

    /// The console's last lines so far, and the first sign of the guest's end in it.
    public var console: ConsoleTail { state.withLock { $0.console } }

    /// What QEMU itself said so far on its standard error, last lines only.
    public var messages: [String] { state.withLock { $0.messages.lines } }

    /// Returns when QEMU has ended (guest powered off, `-no-reboot` reset, crash), or when the task is cancelled.
    public func waitUntilEnded() async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.openStreams == 0 || Task.isCancelled { return true }
                    state.waiters[waiter] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
        }
    }

    /// Presses the guest's power button (ACPI). Whether anything happens is the guest's decision.
    public func pressPowerButton(timeout: Duration = .seconds(2)) async throws(QMPError) {
        try await request(.powerDown, timeout: timeout)
    }

    /// Ends QEMU at once, as pulling the plug does. QEMU writes out what it holds of the disk.
    public func quit(timeout: Duration = .seconds(2)) async throws(QMPError) {
        try await request(.quit, timeout: timeout)
    }

    private func request(_ command: QMPConnection.Command, timeout: Duration) async throws(QMPError) {
        let path = description.qmpSocket
        let outcome: Result<Void, QMPError> = await withCheckedContinuation { continuation in
            // A blocking call of bounded length, off the concurrency pool's threads.
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(QMPError) in
                        var connection = try QMPConnection.open(path: path, timeout: timeout)
                        try connection.execute(command, timeout: timeout)
                    })
            }
        }
        try outcome.get()
    }

    /// The gentlest way to the end; a QEMU that does not answer is left to signals.
    func quitIfRunning() async {
        guard state.withLock({ $0.openStreams > 0 }) else { return }
        // A task of its own, because the caller's may be cancelled already, and QEMU must go then above all.
        await Task { try? await quit(timeout: .seconds(1)) }.value
    }

    func end(_ status: MachineEnd.Status) -> MachineEnd {
        state.withLock { MachineEnd(status: status, console: $0.console, messages: $0.messages.lines) }
    }

    /// Takes bytes from one of QEMU's output streams; gives the lines that they complete.
    func take(_ bytes: UnsafeRawBufferPointer, from stream: Stream) -> [String] {
        state.withLock { state in
            switch stream {
            case .console: state.console.append(bytes)
            case .messages: state.messages.append(bytes)
            }
        }
    }

    /// One of QEMU's output streams is at its end; after both, QEMU has ended. Gives the last, unfinished line.
    func endStream(_ stream: Stream) -> String? {
        let (line, waiters) = state.withLock { state in
            let line =
                switch stream {
                case .console: state.console.finish()
                case .messages: state.messages.finish()
                }
            state.openStreams -= 1
            guard state.openStreams == 0 else { return (line, [CheckedContinuation<Void, Never>]()) }
            defer { state.waiters.removeAll() }
            return (line, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume() }
        return line
    }
}

/// How a machine's run ended.
public struct MachineEnd: Equatable, Sendable {
    /// QEMU's own end.
    public var status: Status
    /// The console's last lines, and the first sign of the guest's end in it.
    public var console: ConsoleTail
    /// What QEMU itself said, last lines only.
    public var messages: [String]

    /// How the QEMU process ended.
    public enum Status: Equatable, Sendable {
        /// With this exit code; 0 after a power-off, a reset under `-no-reboot` and a `quit`.
        case exited(Int32)
        /// By this signal.
        case signaled(Int32)
    }
}
