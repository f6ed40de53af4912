import Foundation
import Glibc
import HostShares
import HostTools
import Testing

@Suite struct SambaShareTests {
    @Test func theConfigurationServesTheSharesAndNothingElse() {
        let samba = SambaShare(
            shares: [
                .init(name: "qemu", directory: "/run/x/hostfs"), .init(name: "work", directory: "/home/%u/a;b", isReadOnly: false),
            ],
            directory: "/run/x/samba", server: "/usr/sbin/smbd")
        let text = samba.configuration(user: "alice")
        let sections = text.split(separator: "\n").filter { $0.hasPrefix("[") }
        #expect(sections == ["[global]", "[qemu]", "[work]"])
        #expect(
            text.hasSuffix(
                """
                [qemu]
                path = /run/x/samba/exports/qemu
                read only = yes
                guest ok = yes
                force user = alice
                wide links = no

                [work]
                path = /run/x/samba/exports/work
                read only = no
                guest ok = yes
                force user = alice
                wide links = no

                """))
        #expect(text.contains("unix extensions = yes\n"))
        #expect(
            samba.connections == [
                ShareConnection(address: "10.0.2.4", port: 139, command: ["/bin/sh", "/run/x/samba/serve", "/usr/sbin/smbd"])
            ])
    }

    /// With `echo` as the server, which prints what it was started with, and what smbd makes of the configuration then.
    @Test func eachConnectionHasItsOwnFilesAndRemovesThoseOfTheDead() throws {
        let directory = "/tmp/vm agent's test \(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let samba = SambaShare(shares: [.init(name: "s", directory: "/usr")], directory: directory, server: "echo")
        try samba.prepare()
        let state = directory + "/state"
        // Of a process that runs, as another connection's smbd does.
        try FileManager.default.createDirectory(atPath: "\(state)/\(getpid())", withIntermediateDirectories: false)
        for _ in 1...3 {
            let output = try Tool.outcome(samba.connections[0].command)
            #expect(output.isSuccess && output.text == "" && output.errors == "")
            let own = try FileManager.default.contentsOfDirectory(atPath: state).filter { $0 != "messages" && $0 != "\(getpid())" }
            #expect(own.count == 1 && FileManager.default.fileExists(atPath: "\(state)/\(getpid())"))
            let path = "\(state)/\(own.first ?? "")"
            #expect(try String(contentsOfFile: path + "/messages", encoding: .utf8) == "-i -l \(path) -s \(path)/smb.conf\n")

            let settings = Set(try Tool.run("testparm", "-sv", path + "/smb.conf").lines.map { $0.trimmingCharacters(in: .whitespaces) })
            let directories = ["private dir", "pid directory", "lock directory", "state directory", "cache directory", "binddns dir"]
            let files = [("ncalrpc dir", "ncalrpc"), ("log file", "log.smbd"), ("smb passwd file", "smbpasswd")]
            let expected =
                directories.map { "\($0) = \(path)" } + files.map { "\($0) = \(path)/\($1)" }
                + ["rpc start on demand helpers = No", "smb1 unix extensions = Yes", "[global]", "[s]"]
            #expect(expected.filter { !settings.contains($0) } == [])
        }
    }

    @Test func everyFileOfTheServiceIsPrivate() throws {
        let directory = "/tmp/vm-agent-test-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try SambaShare(shares: [.init(name: "s", directory: "/usr")], directory: directory, server: "/usr/sbin/smbd").prepare()
        for (path, mode) in [("", 0o700), ("/state", 0o700), ("/exports", 0o700), ("/smb.conf", 0o600), ("/serve", 0o600)] {
            var status = stat()
            #expect(lstat(directory + path, &status) == 0)
            #expect(Int(status.st_mode & 0o7777) == mode)
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: directory + "/exports/s") == "/usr")
    }

    @Test(arguments: [
        (ShareDescription(name: "s", directory: "/no/such"), ShareError.noSuchDirectory("/no/such"), "no such share directory: /no/such"),
        (.init(name: "s", directory: "/etc/passwd"), .notADirectory("/etc/passwd"), "cannot share /etc/passwd: it is not a directory"),
        (
            .init(name: "s", directory: "relative"), .invalidPath("relative", reason: "the path must be absolute"),
            "cannot share \"relative\": the path must be absolute"
        ),
        (
            .init(name: "global", directory: "/usr"), .invalidName("global"),
            "\"global\" cannot be a share's name: use at most 31 letters, digits,"
        ),
        (.init(name: "a]\nb", directory: "/usr"), .invalidName("a]\nb"), "\"a]\\nb\" cannot be a share's name: "),
        (.init(name: "", directory: "/usr"), .invalidName(""), "\"\" cannot be a share's name: "),
    ])
    func aShareThatCannotBeIsRefusedBeforeAnythingIsMade(share: ShareDescription, error: ShareError, text: String) {
        let directory = "/tmp/vm-agent-test-never-made"
        let thrown = #expect(throws: error) { try SambaShare(shares: [share], directory: directory, server: "/usr/sbin/smbd").prepare() }
        #expect(thrown?.description.hasPrefix(text) == true)
        #expect(!FileManager.default.fileExists(atPath: directory))
    }

    @Test func sharesAreToldApartWithoutCase() {
        let shares = [ShareDescription(name: "Work", directory: "/usr"), ShareDescription(name: "work", directory: "/usr")]
        let error = #expect(throws: ShareError.duplicateName("work")) {
            try SambaShare(shares: shares, directory: "/tmp/vm-agent-test-never-made", server: "/x").prepare()
        }
        #expect(error?.description == "two shares are called work: give each its own name")
    }

    @Test func aMissingServerNamesItsPackage() throws {
        #expect(ShareError.serverNotFound(program: "smbd", package: "samba").description.contains("apt-get install samba"))
    }
}
