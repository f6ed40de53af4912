internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// A session's process and our ends of its three pipes.
struct SessionProcess {
    var child: ChildProcess
    var input: FileDescriptor
    var output: FileDescriptor
    /// Nil when errors go where the output goes, as a raw shell's do.
    var errorOutput: FileDescriptor?

    /// Why a process could not be started, with the exit code that a shell gives for it.
    struct StartFailure: Error {
        var code: UInt8
        var reason: String
    }

    /// Starts a shell that reads commands from its input.
    static func shell(_ environment: SessionEnvironment) throws(StartFailure) -> SessionProcess {
        guard let shell = environment.shell else {
            throw StartFailure(
                code: 127, reason: "there is no shell in this guest: neither root's of /etc/passwd nor a program sh in the path")
        }
        var program = Program(shell)
        program.environment = environment.variables(shell: shell)
        program.directory = environment.home
        return try start(program, separateErrors: false)
    }

    /// Starts `command` without a shell in between.
    static func command(_ command: Command, _ environment: SessionEnvironment) throws(StartFailure) -> SessionProcess {
        let name = String(decoding: command.arguments[0], as: UTF8.self)
        guard let path = SystemProgramsLookup.find(command, environment) else {
            throw StartFailure(code: 127, reason: "\(name): command not found in the guest")
        }
        var program = Program(path)
        program.arguments = command.arguments
        program.environment = environment.variables(shell: environment.shell ?? "/bin/sh", added: command.environment)
        program.directory = command.workingDirectory.map { String(decoding: $0, as: UTF8.self) } ?? environment.home
        if let directory = program.directory, !Files.isDirectory(directory) {
            throw StartFailure(code: 126, reason: "\(directory): no such directory in the guest")
        }
        return try start(program, separateErrors: true)
    }

    static func start(_ program: Program, separateErrors: Bool) throws(StartFailure) -> SessionProcess {
        do throws(Errno) {
            return try startWithPipes(program, separateErrors: separateErrors)
        } catch {
            throw StartFailure(code: error == .noSuchFile ? 127 : 126, reason: "\(program.path): \(error.description)")
        }
    }

    private static func startWithPipes(_ program: Program, separateErrors: Bool) throws(Errno) -> SessionProcess {
        var opened: [FileDescriptor] = []
        func pipe() throws(Errno) -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
            let ends = try FileDescriptor.pipe()
            opened += [ends.readEnd, ends.writeEnd]
            return ends
        }
        do throws(Errno) {
            let input = try pipe()
            let output = try pipe()
            let errors = separateErrors ? try pipe() : nil
            var program = program
            program.standardInput = input.readEnd
            program.standardOutput = output.writeEnd
            program.standardError = errors?.writeEnd ?? output.writeEnd
            try input.writeEnd.setNonBlocking()
            try output.readEnd.setNonBlocking()
            try errors?.readEnd.setNonBlocking()
            let child = try program.start()
            input.readEnd.close()
            output.writeEnd.close()
            errors?.writeEnd.close()
            return SessionProcess(child: child, input: input.writeEnd, output: output.readEnd, errorOutput: errors?.readEnd)
        } catch {
            for descriptor in opened { descriptor.close() }
            throw error
        }
    }
}

/// Finding the program of a command as a shell would.
private enum SystemProgramsLookup {
    static func find(_ command: Command, _ environment: SessionEnvironment) -> String? {
        let name = String(decoding: command.arguments[0], as: UTF8.self)
        guard !name.isEmpty else { return nil }
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        // A PATH of the client's own counts, as with env(1).
        let prefix = Array("PATH=".utf8)
        let own = command.environment.last { $0.starts(with: prefix) }.map { variable in
            String(decoding: variable.dropFirst(prefix.count), as: UTF8.self).split(separator: ":").map { String($0) }
        }
        return (own ?? environment.path).lazy.map { "\($0)/\(name)" }.first { Files.isExecutable($0) }
    }
}
