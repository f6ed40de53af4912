import AgentProtocol
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

/// What a session starts: real processes, without a link.
@Suite struct SessionProcessTests {
    struct Result: Equatable {
        var output: String
        var errors: String
        var end: ProcessEnd?
    }

    /// Feeds a process and takes all that it has to say.
    private func finish(_ process: SessionProcess, input: [UInt8] = []) throws -> Result {
        try process.input?.writeAll(input)
        process.input?.close()
        let output = try text(process.output)
        let errors = try process.errorOutput.map { try text($0) } ?? ""
        defer { process.child.pidfd.close() }
        guard process.child.pidfd.waitUntilReadable(milliseconds: 60_000) else { return Result(output: output, errors: errors, end: nil) }
        return Result(output: output, errors: errors, end: process.child.end())
    }

    /// Reads our end, which never blocks, until its other end is gone.
    private func text(_ descriptor: FileDescriptor) throws -> String {
        defer { descriptor.close() }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while descriptor.waitUntilReadable(milliseconds: 60_000) {
            let count: Int = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) ?? 0 }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func run(
        _ arguments: String..., environment: [String] = [], directory: String? = nil, input: String = "", systemPath: String? = nil
    ) throws -> Result {
        let command = Command(
            arguments: arguments.map { Array($0.utf8) }, environment: environment.map { Array($0.utf8) },
            workingDirectory: directory.map { Array($0.utf8) })
        return try finish(start(command, SessionEnvironment(systemPath: systemPath)), input: Array(input.utf8))
    }

    private func start(
        _ command: Command, _ environment: SessionEnvironment = SessionEnvironment()
    ) throws(SessionStartFailure) -> SessionProcess {
        try SessionProcess.start(.pipes(wantsInput: command.wantsInput), group: nil) { () throws(SessionStartFailure) in
            try environment.program(for: command, environment.user(of: command))
        }.started()
    }

    private func startShell() throws(SessionStartFailure) -> SessionProcess {
        try SessionProcess.start(.shell, group: nil) { () throws(SessionStartFailure) in try SessionEnvironment().rawShell() }.started()
    }

    /// Where a session begins.
    private func home() throws -> String { try #require(SessionEnvironment().rawShell().directory) }

    @Test func aCommandsOutputAndErrorsComeApartAndItsCodeWithThem() throws {
        #expect(
            try run("sh", "-c", "echo out; echo err >&2; exit 3") == Result(output: "out\n", errors: "err\n", end: .exited(3)))
        #expect(try run("sh", "-c", "kill -TERM $$").end == .signaled(15))
    }

    @Test func argumentsReachTheCommandWithNoShellBetween() throws {
        #expect(try run("printf", "%s|", "a b", "$HOME", "*", "", "'\"").output == "a b|$HOME|*||'\"|")
    }

    @Test func aCommandReadsItsInputToTheEnd() throws {
        #expect(try run("cat", input: "one\ntwo").output == "one\ntwo")
        #expect(try run("cat") == Result(output: "", errors: "", end: .exited(0)))
    }

    @Test func aCommandIsFoundInTheSystemThatWasBooted() throws {
        let system = try TemporaryDirectory()
        try system.write("sw/bin/only-here", "#!/bin/sh\necho found\n", mode: 0o755)
        #expect(try run("only-here", systemPath: system.path).output == "found\n")
    }

    @Test func theClientsOwnPathCountsForFindingTheCommandToo() throws {
        let directory = try TemporaryDirectory()
        try directory.write("tool", "#!/bin/sh\necho \"$PATH\"\n", mode: 0o755)
        #expect(try run("tool", environment: ["PATH=/nowhere", "PATH=\(directory.path)"]).output == "\(directory.path)\n")
        #expect(throws: SessionStartFailure.self) { try run("tool", environment: ["PATH=/nowhere"]) }
    }

    @Test func aCommandRunsWhereTheClientWants() throws {
        let directory = try TemporaryDirectory()
        try directory.write("here", "#!/bin/sh\npwd -P\n", mode: 0o755)
        #expect(try run("./here", directory: directory.path).output == directory.path + "\n")
        #expect(try run("sh", "-c", "pwd").output == home() + "\n")
    }

    private func failure(_ arguments: String..., directory: String? = nil) throws -> SessionStartFailure {
        let command = Command(arguments: arguments.map { Array($0.utf8) }, workingDirectory: directory.map { Array($0.utf8) })
        return try #require(throws: SessionStartFailure.self) { try start(command) }
    }

    @Test func aCommandThatCannotBeStartedHasTheCodeThatAShellGives() throws {
        let directory = try TemporaryDirectory()
        let text = try directory.write("text", "x")
        #expect(try failure("no-such-command-here").code == 127)
        #expect(try failure("no-such-command-here").reason == "no-such-command-here: command not found in the guest")
        #expect(try failure("/no/such").code == 127)
        #expect(try failure("").code == 127)
        #expect(try failure(text).code == 126)
        #expect(try failure(directory.path).code == 126)
        #expect(try failure("true", directory: "/no/such").reason.hasPrefix("cannot enter /no/such in the guest"))
        #expect(try failure("true", directory: "/no/such").code == 126)
    }

    @Test func aShellTakesCommandsFromItsInputAndMixesItsErrorsIn() throws {
        let result = try finish(startShell(), input: Array("echo one; echo two >&2; pwd; exit 5\n".utf8))
        #expect(result == Result(output: "one\ntwo\n\(try home())\n", errors: "", end: .exited(5)))
        #expect(try finish(startShell()).end == .exited(0))
    }

    @Test func everyProcessLeadsAGroupOfItsOwnSoThatASignalReachesAllOfIt() throws {
        let command = Command(arguments: ["sh", "-c", "sleep 60 & echo ready; wait"].map { Array($0.utf8) })
        let process = try start(command)
        #expect(process.output.waitUntilReadable(milliseconds: 60_000))
        process.child.signalGroup(15)
        // Both outputs end only when the sleeper is gone too.
        #expect(try finish(process) == Result(output: "ready\n", errors: "", end: .signaled(15)))
    }
}

extension SessionProcess {
    /// This, as its program; throws why it is not, after which nothing of it is left.
    func started() throws(SessionStartFailure) -> SessionProcess {
        #expect(childStart.report.waitUntilReadable(milliseconds: 60_000))
        let outcome = childStart.outcome(isLast: true)
        childStart.report.close()
        guard case .refused(let refusal) = outcome else { return self }
        for descriptor in [child.pidfd, input, output, errorOutput] { descriptor?.close() }
        throw SessionStartFailure(code: refusal.code, reason: String(decoding: refusal.reason, as: UTF8.self))
    }
}
