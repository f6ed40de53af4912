internal import GuestBoot
internal import LinuxSystem

/// What a session's process finds around it.
struct SessionEnvironment {
    /// The system that `init=` belongs to, once it is known.
    var systemPath: String?

    /// The directories of `PATH`, looked up anew for every session: the guest may have grown some.
    var path: [String] { SystemPrograms.directories(systemPath: systemPath) }

    /// The user's home: `/root`, or `/` while there is none.
    var home: String { Files.isDirectory("/root") ? "/root" : "/" }

    /// `NAME=VALUE` for a session; `added` comes last and replaces what has the same name.
    func variables(shell: String, added: [[UInt8]] = []) -> [[UInt8]] {
        let own = [
            "PATH=\(path.joined(separator: ":"))", "HOME=\(home)", "USER=root", "LOGNAME=root", "SHELL=\(shell)", "LANG=C.UTF-8",
        ].map { Array($0.utf8) }
        let names = added.map { $0.prefix { $0 != UInt8(ascii: "=") } }
        return own.filter { variable in
            let name = variable.prefix { $0 != UInt8(ascii: "=") }
            return !names.contains { $0.elementsEqual(name) }
        } + added
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
