import ControlProtocol
import Foundation
import LinuxSystem
import ProxyClient

/// The `vm-proxy` of a directory: the one that runs there, else one that is started and ends with the last VM.
struct ProxyProcess {
    let directory: String
    /// Where a proxy that is started writes its log.
    let logFile: String

    /// Registers a guest, with a proxy that is started when none runs. At most 45 s: a machine may be busy with anything.
    func register(_ name: String, token: [UInt8]) throws -> GuestRegistration {
        let client = ProxyClient(directory: directory)
        let deadline = Deadline.after(.seconds(30))
        while true {
            do throws(ProxyClientError) {
                return try client.register(name, token: token)
            } catch {
                switch error {
                // None there, or one that is about to end: another is needed, and others may be starting it, too.
                case .noProxy, .proxyGone: break
                case .refused(_, let reason) where reason == ControlSocket.endingReason: usleep(20_000)
                default: throw error
                }
                guard !deadline.hasPassed else { throw error }
            }
            try start(deadline)
        }
    }

    /// The program: `$VM_PROXY`, else `vm-proxy` beside this one, else in `PATH`.
    static func program() throws(Failure) -> String {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["VM_PROXY"], !path.isEmpty { return URL(fileURLWithPath: path).standardizedFileURL.path }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("vm-proxy").path
        let inPath = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/vm-proxy" }
        for candidate in [beside] + inPath where access(candidate, X_OK) == 0 { return candidate }
        throw Failure("cannot find vm-proxy: looked for \(beside) and in PATH; set VM_PROXY to its path, or install it beside vm")
    }

    /// Starts a proxy and returns when its sockets are there, or when it ended because another one was faster.
    private func start(_ deadline: Deadline) throws {
        let (ready, write) = try FileDescriptor.pipe()
        defer { ready.close() }
        let logDescriptor = try RuntimeDirectory.makeLog(logFile)
        var program = Program(
            try Self.program(),
            ["serve", "--directory", directory, "--exit-when-idle", "--ready-fd", "1"],
            environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
        program.standardOutput = write
        program.standardError = logDescriptor
        program.directory = "/"
        let child: ChildProcess
        do throws(Errno) {
            defer { for descriptor in [write, logDescriptor] { descriptor.close() } }
            child = try program.start()
        } catch {
            throw Failure("cannot start \(program.path): \(error)")
        }
        defer { child.pidfd.close() }
        guard ready.waitUntilReadable(milliseconds: deadline.pollTimeout) else {
            child.signal(SIGKILL)
            _ = child.pidfd.waitUntilReadable(milliseconds: 1_000)
            _ = child.end()
            throw Failure("\(program.path) did not begin to serve \(directory) in time; its log:\n\(log(lines: 5))")
        }
        var byte: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &byte) { try ready.read(into: $0) }
        guard count == 0 else { return }
        // It ended instead. Where another one serves the directory, that one will do.
        if (try? ProxyClient(directory: directory).status()) != nil { return }
        throw Failure("\(program.path) cannot serve \(directory): \(log(lines: 3))")
    }

    private func log(lines: Int) -> String {
        let text = FileManager.default.contents(atPath: logFile).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// Waits until a proxy that said it would end has removed its sockets; 3 s at most.
    func waitUntilGone() {
        let deadline = Deadline.after(.seconds(3))
        while access("\(directory)/\(ControlSocket.name)", F_OK) == 0, !deadline.hasPassed { usleep(2_000) }
    }
}
