import Foundation
import LinuxSystem
import Synchronization

/// A program to start for a test.
struct HostProgram {
    var path: String
    var arguments: [String]
    /// In place of this process's own variables of the same names; nil removes one.
    var environment: [String: String?] = [:]
    var directory: String?
    var input: [UInt8] = []
    /// A session and process group of its own, as a terminal's foreground job has.
    var leadsGroup = false

    /// Runs it to its end, when there is a place for it.
    func run(within bound: Duration = .seconds(240)) async throws -> ProgramResult {
        try await MachineSlots.forProgram {
            let program = try RunningProgram(self)
            let code = try await program.waitForEnd(within: bound)
            return ProgramResult(code: code, output: program.output, errors: program.errors)
        }
    }
}

/// How a program ended, and what it wrote.
struct ProgramResult: CustomStringConvertible {
    /// The exit code; -N when signal N ended it.
    var code: Int
    var output: [UInt8]
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    var description: String { "exit code \(code), output: \(text.prefix(4000).debugDescription), errors: \(errors.suffix(4000))" }
}

/// A program that runs. Its input and output are files, so that it can neither be blocked by the test nor block it.
final class RunningProgram: Sendable {
    let name: String
    let identifier: Int32
    private let files: TemporaryFolder
    private let child: Mutex<(process: ChildProcess, code: Int?)>

    init(_ program: HostProgram) throws {
        name = ([program.path] + program.arguments).joined(separator: " ")
        guard access(program.path, X_OK) == 0 else { throw MissingProgram(path: program.path) }
        files = try TemporaryFolder()
        try files.write("input", program.input)
        let input = try FileDescriptor.open(files.file("input"), .read)
        let output = try FileDescriptor.open(files.file("output"), .create, mode: 0o600)
        let errors = try FileDescriptor.open(files.file("errors"), .create, mode: 0o600)
        defer { for descriptor in [input, output, errors] { descriptor.close() } }

        var variables = ProcessInfo.processInfo.environment
        for (name, value) in program.environment { variables[name] = value }
        var description = Program(program.path, program.arguments, environment: variables.map { "\($0)=\($1)" })
        description.directory = program.directory
        description.standardInput = input
        description.standardOutput = output
        description.standardError = errors
        description.newSession = program.leadsGroup
        let process = try description.start()
        identifier = process.identifier
        child = Mutex((process, nil))
    }

    deinit { child.withLock { $0.process.pidfd.close() } }

    var output: [UInt8] { Array(FileManager.default.contents(atPath: files.file("output")) ?? Data()) }
    var errors: String { String(decoding: FileManager.default.contents(atPath: files.file("errors")) ?? Data(), as: UTF8.self) }

    /// Its exit code, -N when signal N ended it; nil while it runs.
    var code: Int? {
        child.withLock { child in
            if child.code == nil {
                child.code =
                    switch child.process.end() {
                    case .exited(let code): Int(code)
                    case .signaled(let signal): -Int(signal)
                    case nil: nil
                    }
            }
            return child.code
        }
    }

    /// Sends it a signal, unless it has ended.
    func signal(_ signal: Int32) { child.withLock { if $0.code == nil { $0.process.signal(signal) } } }

    /// Sends a signal to its whole group, as a terminal does for Ctrl-C; only for one that leads a group.
    func signalGroup(_ signal: Int32) { child.withLock { if $0.code == nil { $0.process.signalGroup(signal) } } }

    /// Waits for its end; gives its exit code. One that does not end in time is killed.
    @discardableResult func waitForEnd(within bound: Duration = .seconds(240)) async throws -> Int {
        do {
            return try await eventually("the end of \(name)", within: bound, every: .milliseconds(10)) { code }
        } catch {
            signal(SIGKILL)
            throw ProgramFailure(cause: "\(error)", output: String(decoding: output.suffix(2000), as: UTF8.self), errors: errors)
        }
    }
}

/// A program under test is not there.
struct MissingProgram: Error, CustomStringConvertible {
    var path: String
    var description: String { "cannot run \(path): `make test` builds and installs what the tests run" }
}

/// A program did not do what the test's own steps need.
struct ProgramFailure: Error, CustomStringConvertible {
    var cause: String
    var output: String
    var errors: String
    var description: String { "\(cause)\n--- its output:\n\(output)\n--- its errors:\n\(errors)" }
}
