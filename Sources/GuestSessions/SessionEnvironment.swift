internal import GuestBoot
internal import LinuxSystem

/// What a session's process finds around it.
struct SessionEnvironment {
    /// The system that `init=` belongs to, once it is known.
    var systemPath: String?

    /// The directories of `PATH`, looked up anew for every session: the guest may have grown some.
    var path: [String] { SystemPrograms.directories(systemPath: systemPath) }

    /// The user's home: `/root`, or `/` while there is none that can be entered.
    var home: String { Files.isEnterable("/root") ? "/root" : "/" }

    /// `NAME=VALUE` for a session, each name once: the last one counts, and `added` comes last, as with env(1).
    func variables(shell: String, added: [[UInt8]] = []) -> [[UInt8]] {
        let own = [
            "PATH=\(path.joined(separator: ":"))", "HOME=\(home)", "USER=root", "LOGNAME=root", "SHELL=\(shell)", "LANG=C.UTF-8",
        ].map { Array($0.utf8) }
        var variables: [[UInt8]] = []
        var places: [[UInt8]: Int] = [:]
        for variable in own + added {
            let name = Array(variable.prefix { $0 != UInt8(ascii: "=") })
            if let place = places[name] {
                variables[place] = variable
            } else {
                places[name] = variables.count
                variables.append(variable)
            }
        }
        return variables
    }

    /// Root's shell in `/etc/passwd` where it can be executed, else the first `sh` of the path.
    var shell: String? {
        if let users = try? Files.read("/etc/passwd"), let named = SessionEnvironment.shell(ofRootIn: users), Files.isExecutable(named) {
            return named
        }
        return SystemPrograms.find("sh", in: path)
    }

    /// The last field of root's line, unless it is there to refuse log-ins.
    static func shell(ofRootIn users: [UInt8]) -> String? {
        for line in String(decoding: users, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 7, fields[0] == "root" else { continue }
            let shell = String(fields[6])
            let refuses = shell.hasSuffix("/nologin") || shell.hasSuffix("/false")
            return shell.isEmpty || refuses ? nil : shell
        }
        return nil
    }
}
