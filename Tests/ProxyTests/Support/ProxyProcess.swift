import CLinux
import ControlProtocol
import Foundation
import LinuxSystem

/// A directory of a proxy's own, and the real programs, as this build has made them.
final class Workspace {
    let directory: String

    init() throws {
        // A write to an end that is gone is an error of that write, as in the programs.
        signal(SIGPIPE, SIG_IGN)
        var template = Array("/tmp/vm-proxy-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFault("mkdtemp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func shellSocket(_ name: String) -> String { "\(directory)/\(ControlSocket.shellSocketName(of: name))" }
    func linkSocket(_ name: String) -> String { "\(directory)/\(ControlSocket.linkSocketName(of: name))" }
    var controlSocket: String { "\(directory)/\(ControlSocket.name)" }

    /// A file with a token, and the token.
    func token(_ seed: UInt8 = 7) throws -> (file: String, bytes: [UInt8]) {
        let bytes = (0..<32).map { seed &+ $0 }
        let file = "\(directory)/token-\(seed)"
        guard FileManager.default.createFile(atPath: file, contents: Data(bytes)) else { throw TestFault("cannot write \(file)") }
        return (file, bytes)
    }

    /// A program that the package builds; it is beside the tests.
    static func program(_ name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// Connects to the control socket and sends a line.
    func control(_ request: ControlRequest) throws -> SocketClient {
        let client = try SocketClient(controlSocket)
        try client.send(request.line + "\n")
        return client
    }

    func status() throws -> ProxyStatus {
        let client = try control(.status)
        guard try client.line() == "OK" else { throw TestFault("STATUS was refused") }
        return try JSONDecoder().decode(ProxyStatus.self, from: Data(try client.rest()))
    }

    /// Runs `script` in a shell of the guest, and gives all that it prints.
    func shell(_ name: String, _ script: String) throws -> String {
        let client = try SocketClient(shellSocket(name))
        try client.send(script + "\nexit\n")
        client.finish()
        return String(decoding: try client.rest(), as: UTF8.self)
    }
}

/// A program that is killed when the test is over with it.
final class ChildProgram {
    private let child: ChildProcess
    var identifier: Int32 { child.identifier }
    private var ending: ProcessEnd?

    /// Starts a program. The descriptors become its own, and are closed here.
    init(
        _ path: String, _ arguments: [String], input: CInt? = nil, output: CInt? = nil, errors: CInt? = nil, user: uid_t? = nil
    ) throws {
        var program = Program(path, arguments, environment: ["PATH=/usr/bin:/bin"])
        let descriptors = [input, output, errors].map { $0.map { FileDescriptor(rawValue: $0) } }
        (program.standardInput, program.standardOutput, program.standardError) = (descriptors[0], descriptors[1], descriptors[2])
        if let user { program.user = .init(identifier: user, group: user, groups: []) }
        child = try program.start()
        for descriptor in Set(descriptors.compactMap { $0 }) { descriptor.close() }
    }

    deinit {
        kill()
        child.pidfd.close()
    }

    func kill() { _ = end(by: SIGKILL) }

    /// Ends it by a signal; gives its end.
    func end(by signal: CInt) -> ProcessEnd? {
        if ending == nil { child.signal(signal) }
        return end()
    }

    /// Its end, for which it has the tests' patience.
    func end() -> ProcessEnd? {
        let deadline = Uptime.microseconds + UInt64(SocketClient.patience) * 1_000
        while ending == nil, Uptime.microseconds < deadline {
            _ = child.pidfd.waitUntilReadable(milliseconds: SocketClient.patience)
            ending = child.end()
        }
        return ending
    }
}

/// The real `vm-proxy`.
final class ProxyProcess {
    private let child: ChildProgram
    private let log: SocketClient

    /// Starts it in a workspace; it serves when this returns.
    init(_ workspace: Workspace, _ arguments: [String] = [], user: uid_t? = nil) throws {
        let ready = try FileDescriptor.pipe()
        let errors = try FileDescriptor.pipe()
        child = try ChildProgram(
            try Workspace.program("vm-proxy"), ["--directory", workspace.directory, "--wait", "20", "--ready-fd", "1"] + arguments,
            output: ready.writeEnd.rawValue, errors: errors.writeEnd.rawValue, user: user)
        log = SocketClient(descriptor: errors.readEnd.rawValue)
        let serving = SocketClient(descriptor: ready.readEnd.rawValue)
        guard try !serving.receive().isEmpty else { throw TestFault("vm-proxy ended: \(try log.line())") }
    }

    func kill() { child.kill() }

    /// The most memory that it has had resident, in bytes.
    func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(child.identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
            throw TestFault("no VmHWM")
        }
        return kibibytes << 10
    }

    /// What its descriptors are, as /proc tells it.
    func descriptors() throws -> [String] {
        let directory = "/proc/\(child.identifier)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
        }
    }

    var identifier: Int32 { child.identifier }

    /// Ends it as an administrator would.
    func terminate() -> ProcessEnd? { child.end(by: SIGTERM) }

    /// Reads the log up to a line that has `text`; other lines do not lengthen the wait for ever.
    func waitForLog(_ text: String) throws {
        var lines: [String] = []
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            let line = try log.line()
            if line.contains(text) { return }
            lines.append(line)
            if line.isEmpty || ContinuousClock.now > deadline {
                throw TestFault("no '\(text)' in \(lines.count) lines of the log, which ends: \(lines.suffix(20))")
            }
        }
    }
}

/// The real `vm-agent`, as a process of this machine.
func startAgent(_ arguments: [String], input: CInt? = nil) throws -> ChildProgram {
    try ChildProgram(try Workspace.program("vm-agent"), ["connect"] + arguments, input: input)
}
