import CLinux
import Foundation
import HostShares
import LinuxSystem
import VirtualMachine

/// The servers of a run's shares, and its TPM. Each ends with QEMU, or with this process, whatever ends that.
final class ShareDaemons: @unchecked Sendable {
    // Written by the thread before `init` returns, which waits for that; afterwards only the run that owns this uses it.
    private var running: [(name: String, process: ChildProcess, log: String)] = []
    private var failure: (any Error)?
    private let isOver = DispatchSemaphore(value: 0)

    /// Starts them; their sockets take connections when this returns.
    init(_ daemons: [ShareDaemon], tpm: TPMEmulator?) throws {
        guard !daemons.isEmpty || tpm != nil else { return }
        let started = DispatchSemaphore(value: 0)
        // They are told to end when the thread that started them does: it lives as long as they are needed.
        let thread = Thread { [self] in
            do {
                for daemon in daemons { try start(daemon) }
                if let tpm { try start(tpm.socket, "\(tpm.program), the VM's TPM,", ["--", tpm.program] + tpm.arguments) }
            } catch {
                failure = error
            }
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
        let share = daemon.share
        try start(
            daemon.socket, "\(daemon.program), which serves \(share.directory),",
            ["--source", share.directory, "--export", daemon.export] + (share.isReadOnly ? ["--read-only"] : [])
                + ["--", daemon.program] + daemon.arguments)
    }

    private func start(_ path: String, _ name: String, _ arguments: [String]) throws {
        let listener = linux_listen_unix(path)
        guard listener >= 0 else { throw Failure("cannot listen at \(path): \(Errno.current)") }
        let socket = FileDescriptor(rawValue: listener)
        defer { socket.close() }
        let log = try RuntimeDirectory.makeLog(path + ".log")
        defer { log.close() }
        var program = Program(
            "/proc/self/exe", ["serve-share"] + arguments, environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
        (program.standardInput, program.standardOutput, program.standardError) = (socket, log, log)
        program.directory = "/"
        running.append((name, try program.start(), path + ".log"))
    }

    /// Ends QEMU when a server has failed while it runs, and says why: what the guest has there hangs for ever.
    func watch(_ name: String, _ machine: Int32) {
        for (_, process, _) in running {
            let machine = FileDescriptor(rawValue: linux_pidfd_open(machine))
            guard machine.rawValue >= 0 else { return }
            Thread.detachNewThread { [self] in
                defer { machine.close() }
                // It ends before `stop` closes this.
                _ = process.pidfd.waitUntilReadable(milliseconds: -1)
                // Servers end with their machine, which may take a moment longer.
                guard !machine.waitUntilReadable(milliseconds: 1_000), let fault else { return }
                Terminal.say("\(fault)\n\(name) is of no use without it; ending it in \(Self.patience) s")
                guard !machine.waitUntilReadable(milliseconds: Int32(Self.patience) * 1_000) else { return }
                _ = linux_pidfd_signal(machine.rawValue, SIGTERM)
            }
        }
    }

    /// How long a machine may run without one of them, in seconds: what it has elsewhere can be saved.
    private static let patience = 10

    /// What a server that has failed said; nil while all run, and when they ended as they do with their machine.
    var fault: String? {
        for (name, process, log) in running {
            guard let end = process.end(keepingIdentifier: true), end != .exited(0) else { continue }
            let text = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return "\(name) has ended:\n"
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
