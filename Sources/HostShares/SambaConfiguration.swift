/// The text of an `smb.conf` (`man 5 smb.conf`) that serves a few directories to one guest and touches nothing else of the host.
struct SambaConfiguration: Equatable {
    /// The user as whom the guest's requests are carried out: the one who started the VM.
    var user: String
    /// Share name and path of each directory.
    var exports: [Export]

    /// One share's section.
    struct Export: Equatable {
        var name: String
        var path: String
        var isReadOnly: Bool
    }

    var text: String {
        let sections = [("global", globalSettings)] + exports.map { ($0.name, settings(of: $0)) }
        return sections.map { name, settings in
            "[\(name)]\n" + settings.map { "\($0) = \($1)\n" }.joined()
        }.joined(separator: "\n")
    }

    private var globalSettings: [(String, String)] {
        guestSettings + dialectSettings + quietSettings
    }

    /// The names of the settings that keep everything that an smbd writes in a directory of its own, and what each is below it.
    static let ownFiles = [
        ("private dir", ""), ("pid directory", ""), ("lock directory", ""), ("state directory", ""), ("cache directory", ""),
        ("binddns dir", ""), ("ncalrpc dir", "/ncalrpc"), ("log file", "/log.smbd"), ("smb passwd file", "/smbpasswd"),
    ]

    /// Nobody logs in: whoever holds the other end of the socket is the guest.
    private var guestSettings: [(String, String)] {
        [("security", "user"), ("map to guest", "Bad User"), ("guest account", user)]
    }

    /// SMB3 loses symlinks; SMB1 with UNIX extensions keeps symlinks and modes.
    private var dialectSettings: [(String, String)] {
        [
            ("server min protocol", "NT1"),
            ("server max protocol", "NT1"),
            ("unix extensions", "yes"),
        ]
    }

    /// What a server without printers, neighbours and users needs no time for.
    private var quietSettings: [(String, String)] {
        [
            ("load printers", "no"),
            ("printing", "bsd"),
            ("disable spoolss", "yes"),
            ("disable netbios", "yes"),
            ("usershare max shares", "0"),
            // Programs of their own, for what a guest needs for no file.
            ("rpc start on demand helpers", "no"),
        ]
    }

    private func settings(of export: Export) -> [(String, String)] {
        [
            ("path", export.path),
            ("read only", export.isReadOnly ? "yes" : "no"),
            ("guest ok", "yes"),
            ("force user", user),
            // The guest resolves symlinks itself; the server follows none out of the share.
            ("wide links", "no"),
        ]
    }
}
