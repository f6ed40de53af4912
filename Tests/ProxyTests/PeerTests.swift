import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Testing

/// Whose processes may use the proxy's sockets. Root alone can be two users.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct PeerTests {
    private let workspace: Workspace
    private static let nobody: uid_t = 65534
    private static let other: uid_t = 65533

    init() throws {
        workspace = try Workspace()
        chmod(workspace.directory, 0o755)
    }

    /// What a process of this user gets that connects, and sends this.
    private func answer(_ path: String, to text: String, as user: uid_t) throws -> String {
        let input = try FileDescriptor.pipe()
        let output = try FileDescriptor.pipe()
        let socat = try ChildProgram(
            "/usr/bin/socat", ["-t5", "-", "UNIX-CONNECT:\(path)"], input: input.readEnd.rawValue,
            output: output.writeEnd.rawValue, user: user)
        defer { socat.kill() }
        try? input.writeEnd.writeAll(Array(text.utf8))
        input.writeEnd.close()
        return String(decoding: try SocketClient(descriptor: output.readEnd.rawValue).rest(), as: UTF8.self)
    }

    private var sockets: [String] {
        [
            workspace.controlSocket, workspace.shellSocket("a"), workspace.linkSocket("a"), workspace.shellSocket("r"),
            workspace.linkSocket("r"), "\(workspace.directory)/\(ControlSocket.linksName)",
        ]
    }

    @Test func socketsHaveTheModeThatLetsOnlyTheirOwnerConnect() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a", "--raw", "r"])
        for path in sockets {
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600, "\(path)")
            #expect(try answer(path, to: "STATUS\n", as: PeerTests.nobody) == "")
        }
        _ = proxy
    }

    @Test func whoIsNotAllowedGetsNothingFromAnySocketWhateverItsMode() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a", "--raw", "r"])
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        #expect(try workspace.shell("a", "echo up") == "up\n")
        for path in sockets {
            chmod(path, 0o666)
            #expect(try answer(path, to: "STATUS\n", as: PeerTests.nobody) == "", "\(path)")
            try proxy.waitForLog("of user \(PeerTests.nobody), who is not allowed")
        }
        _ = agent
    }

    @Test func anAllowedUserIsServedAndAnotherIsNot() throws {
        let proxy = try ProxyProcess(
            workspace, ["--guest", "a", "--allow-uid", "\(PeerTests.nobody)", "--allow-uid", "12345"])
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        #expect(try answer(workspace.controlSocket, to: "STATUS\n", as: PeerTests.nobody).hasPrefix("OK\n"))
        #expect(try answer(workspace.shellSocket("a"), to: "echo hello; exit\n", as: PeerTests.nobody) == "hello\n")
        #expect(try answer(workspace.controlSocket, to: "STATUS\n", as: PeerTests.other) == "")
        try proxy.waitForLog("of user \(PeerTests.other), who is not allowed")
        #expect(try answer(workspace.shellSocket("a"), to: "echo hello; exit\n", as: PeerTests.other) == "")
        #expect(try workspace.status().guests.count == 1)
        _ = agent
    }

    @Test func anAllowedUserCannotHaveTheProxyEndAnothersProcess() throws {
        let proxy = try ProxyProcess(workspace, ["--allow-uid", "\(PeerTests.nobody)"])
        let victim = try ChildProgram("/bin/sleep", ["300"])
        let reply = try answer(workspace.controlSocket, to: "GUEST a -\nPID \(victim.identifier)\n", as: PeerTests.nobody)
        #expect(reply == "OK\n")
        try proxy.waitForLog("its launcher has no process \(victim.identifier)")
        try proxy.waitForLog("guest a is gone")
        #expect(kill(victim.identifier, 0) == 0)
        victim.kill()
    }

    @Test func theProxyNeedsNoRootAndOpensNoInternetSocket() throws {
        chmod(workspace.directory, 0o755)
        #expect(chown(workspace.directory, PeerTests.nobody, PeerTests.nobody) == 0)
        let proxy = try ProxyProcess(workspace, ["--guest", "a"], user: PeerTests.nobody)
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        #expect(try workspace.shell("a", "echo served") == "served\n")
        // Root is let in, and a third user is not.
        chmod(workspace.controlSocket, 0o666)
        #expect(try answer(workspace.controlSocket, to: "STATUS\n", as: PeerTests.nobody).hasPrefix("OK\n"))
        #expect(try answer(workspace.controlSocket, to: "STATUS\n", as: PeerTests.other) == "")

        let inodes = Set(try proxy.descriptors().filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) })
        #expect(inodes.count >= 4)
        // What a test beside this one has open may be the proxy's, too; a port that takes connections is nobody's but its own.
        for (name, isOpen) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
            let table = try #require(FileHandle(forReadingAtPath: "/proc/\(proxy.identifier)/net/\(name)"))
            for line in String(decoding: table.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n").dropFirst() {
                let fields = line.split(whereSeparator: \.isWhitespace)
                guard fields.count > 9, fields[3] == isOpen else { continue }
                #expect(!inodes.contains(String(fields[9])), "a port of \(name): \(line)")
            }
        }
        _ = agent
    }
}
