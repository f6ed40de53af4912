import CLinux
import Foundation
import HostShares
import LinuxSystem

/// The servers of a run's shares. Each ends with QEMU, or with this process, whatever ends that.
final class ShareDaemons: @unchecked Sendable {
    // Written by the thread before `init` returns, which waits for that; afterwards only the run that owns this uses it.
    private var running: [(daemon: ShareDaemon, process: ChildProcess, log: String)] = []
    private var failure: (any Error)?
    private let isOver = DispatchSemaphore(value: 0)

    /// Starts them; their sockets take connections when this returns.
    init(_ daemons: [ShareDaemon]) throws {
        guard !daemons.isEmpty else { return }
        let started = DispatchSemaphore(value: 0)
        // They are told to end when the thread that started them does: it lives as long as they are needed.
        let thread = Thread { [self] in
            do { for daemon in daemons { try start(daemon) } } catch { failure = error }
            started.signal()
            isOver.wait()
        }
        thread.name = "shares"
        thread.start()
        started.wait()
        if let failure {
            stop()
            throw failure
        }
    }

    private func start(_ daemon: ShareDaemon) throws {
        let listener = linux_listen_unix(daemon.socket)
        guard listener >= 0 else { throw Failure("cannot listen at \(daemon.socket): \(Errno.current)") }
        let socket = FileDescriptor(rawValue: listener)
        defer { socket.close() }
        let path = daemon.socket + ".log"
        let log = try FileDescriptor.open(path, .create, mode: 0o600)
        defer { log.close() }
        let share = daemon.share
        var program = Program(
            "/proc/self/exe",
            ["serve-share", "--source", share.directory, "--export", daemon.export] + (share.isReadOnly ? ["--read-only"] : [])
                + ["--", daemon.program] + daemon.arguments,
            environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
        (program.standardInput, program.standardOutput, program.standardError) = (socket, log, log)
        program.directory = "/"
        running.append((daemon, try program.start(), path))
    }

    /// What a server that has ended said; nil while all run.
    var fault: String? {
        for (daemon, process, log) in running where process.pidfd.waitUntilReadable(milliseconds: 0) {
            let text = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return "\(daemon.program), which serves \(daemon.share.directory), has ended:\n"
                + text.split(separator: "\n").suffix(5).joined(separator: "\n")
        }
        return nil
    }

    /// Ends those that are left, and waits for them: half a second until they are killed.
    func stop() {
        for (_, process, _) in running {
            if !process.pidfd.waitUntilReadable(milliseconds: 0) { process.signal(SIGTERM) }
        }
        for (_, process, _) in running {
            if !process.pidfd.waitUntilReadable(milliseconds: 500) { process.signalGroup(SIGKILL) }
            _ = process.pidfd.waitUntilReadable(milliseconds: 1_000)
            _ = process.end()
            process.pidfd.close()
        }
        running.removeAll()
        isOver.signal()
    }
}
