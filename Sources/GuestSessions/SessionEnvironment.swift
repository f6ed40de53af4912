internal import AgentProtocol
internal import GuestBoot
internal import LinuxSystem

/// Why a session could not be started, with the exit code that a shell gives for it.
struct SessionStartFailure: Error, Equatable {
    var code: UInt8
    var reason: String

    static func refused(_ reason: String) -> SessionStartFailure { SessionStartFailure(code: 126, reason: reason) }
}

/// What a session's process finds around it.
struct SessionEnvironment {
    /// The system that `init=` belongs to, once it is known.
    var systemPath: String?
    /// The control group of all sessions' processes, where there is one.
    var controlGroup: FileDescriptor?

    /// The directories of `PATH`, looked up anew for every session: the guest may have grown some.
    var path: [String] { SystemPrograms.directories(systemPath: systemPath) }

    /// The shell that reads commands from its input, as root.
    func rawShell() throws(SessionStartFailure) -> Program {
        let root = SessionUser.root(users: SessionEnvironment.users)
        let shell = try shell(of: root)
        var program = Program(path: shell)
        program.environment = variables(for: root, shell: shell)
        program.controlGroup = controlGroup
        program.directoryBytes = home(of: root)
        return program
    }

    /// The agent's own program for a copy, as root. Relative paths begin at root's home.
    func copy(_ service: Service) -> Program {
        let root = SessionUser.root(users: SessionEnvironment.users)
        var program = Program("/proc/self/exe", [service.rawValue])
        program.arguments[0] = Array("vm-agent".utf8)
        program.environment = variables(for: root, shell: Array("/bin/sh".utf8))
        program.controlGroup = controlGroup
        program.directoryBytes = home(of: root)
        return program
    }

    /// Who runs `command`.
    func user(of command: Command) throws(SessionStartFailure) -> SessionUser {
        guard let name = command.user else { return SessionUser.root(users: SessionEnvironment.users) }
        return try SessionUser.find(name, users: SessionEnvironment.users, groups: (try? Files.read("/etc/group")) ?? [])
    }

    /// The program that `command` asks for. Looks for files, which may be on a server that is silent.
    func program(for command: Command, _ who: SessionUser) throws(SessionStartFailure) -> Program {
        let shell = try? shell(of: who)
        var program = Program(path: try command.arguments.isEmpty ? self.shell(of: who) : find(command))
        if !command.arguments.isEmpty {
            program.arguments = command.arguments
        } else if command.terminal != nil, let name = program.pathBytes.split(separator: UInt8(ascii: "/")).last {
            // The mark of a log-in shell, by which it reads the system's and the user's profile.
            program.arguments = [[UInt8(ascii: "-")] + name]
        }
        var added = command.environment
        if let kind = command.terminal?.kind, !kind.isEmpty { added.insert(Array("TERM=".utf8) + kind, at: 0) }
        program.environment = variables(for: who, shell: shell ?? Array("/bin/sh".utf8), added: added)
        program.directoryBytes = home(of: who)
        if let directory = command.workingDirectory {
            let isAbsolute = directory.first == UInt8(ascii: "/")
            program.directoryBytes = isAbsolute ? directory : home(of: who) + [UInt8(ascii: "/")] + directory
        }
        program.user = who.numbers
        program.controlGroup = controlGroup
        return program
    }

    // MARK: Users

    static var users: [UInt8] { (try? Files.read("/etc/passwd")) ?? [] }

    /// The user's home: what `/etc/passwd` says, `/root` for root, or `/` where that cannot be entered.
    private func home(of user: SessionUser) -> [UInt8] {
        let named = user.numbers == nil ? Array("/root".utf8) : user.home
        return Files.isEnterable(String(decoding: named, as: UTF8.self)) ? named : [UInt8(ascii: "/")]
    }

    /// The user's own shell where it can be executed and is there to be used, else the first `sh` of the path.
    private func shell(of user: SessionUser) throws(SessionStartFailure) -> [UInt8] {
        if !user.shell.isEmpty, !user.refusesLogins, Files.isExecutable(user.shell) { return user.shell }
        if let shell = SystemPrograms.find("sh", in: path) { return Array(shell.utf8) }
        throw SessionStartFailure(
            code: 127, reason: "there is no shell in this guest: neither the user's of /etc/passwd nor a program sh in the path")
    }

    /// `NAME=VALUE` for a session; `added` comes last and replaces what has the same name.
    private func variables(for user: SessionUser, shell: [UInt8], added: [[UInt8]] = []) -> [[UInt8]] {
        let own = [
            Array("PATH=\(path.joined(separator: ":"))".utf8), Array("HOME=".utf8) + home(of: user), Array("USER=".utf8) + user.name,
            Array("LOGNAME=".utf8) + user.name, Array("SHELL=".utf8) + shell, Array("LANG=C.UTF-8".utf8),
        ]
        return SessionEnvironment.merged(own, added)
    }

    /// Variables of which the last of a name counts.
    static func merged(_ own: [[UInt8]], _ added: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for variable in own + added {
            let name = variable.prefix { $0 != UInt8(ascii: "=") } + [UInt8(ascii: "=")]
            result.removeAll { $0.starts(with: name) }
            result.append(variable)
        }
        return result
    }

    // MARK: Programs

    /// Where the command's program is, by the `PATH` that it will have, as with env(1).
    private func find(_ command: Command) throws(SessionStartFailure) -> [UInt8] {
        let name = command.arguments[0]
        let slash = UInt8(ascii: "/")
        if name.contains(slash) { return name }
        let prefix = Array("PATH=".utf8)
        let own = command.environment.last { $0.starts(with: prefix) }.map { variable in
            variable.dropFirst(prefix.count).split(separator: UInt8(ascii: ":")).map { Array($0) }
        }
        for directory in own ?? path.map({ Array($0.utf8) }) where !name.isEmpty {
            let place = directory + [slash] + name
            if Files.isExecutable(place) { return place }
        }
        throw SessionStartFailure(code: 127, reason: "\(String(decoding: name, as: UTF8.self)): command not found in the guest")
    }
}
