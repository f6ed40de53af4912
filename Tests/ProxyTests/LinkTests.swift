import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Proxy
import Testing

/// The real proxy with agents whose every byte the test decides.
@Suite(.serialized) struct LinkTests {
    private let workspace: Workspace
    private let token: [UInt8] = Array(1...32)

    init() throws { workspace = try Workspace() }

    private func hello(_ nonce: UInt8, _ transport: LinkTransport = .virtioSerial, boot: String = "boot") -> Hello {
        Hello(bootID: boot, token: token, software: "test", nonce: [nonce], transport: transport)
    }

    /// Registers guest `a` with the token, for as long as what is returned lives.
    private func register() throws -> SocketClient {
        let launcher = try workspace.control(.guest(name: "a", token: token))
        try #require(try launcher.line() == "OK")
        return launcher
    }

    /// Connects to a shell of guest `a`, which `agent` serves meanwhile; nil for one that serves by itself.
    private func openShell(_ agent: FakeAgent? = nil) throws -> SocketClient {
        let shell = try workspace.control(.connect(guest: "a", service: "shell", now: true))
        try agent?.serve { !$0.shells.isEmpty }
        let answer = try shell.line()
        try #require(answer == "OK")
        return shell
    }

    @Test func anAgentThatBeginsAnewInTheMiddleOfAFrameGetsANewLink() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        let agent = try FakeAgent("first", workspace.linkSocket("a"))
        var data: [UInt8] = Array("data ".utf8) + [0x89, 0x56, 0x4D]
        data += Array("end\n".utf8)
        for cut in 0..<12 + data.count {
            let answer = try agent.greet(hello(UInt8(2 * cut)))
            #expect(answer.refusal == nil)
            let shell = try openShell(agent)
            #expect(try shell.line() == "first")
            let frame = agent.frame(agent.shells[0], data)
            try agent.socket.send(frame[..<cut])
            // The old link's streams end, and nothing of the hello is taken for their data.
            #expect(try agent.greet(hello(UInt8(2 * cut + 1))).nonce == [UInt8(2 * cut + 1)])
            #expect(try shell.rest() == Array(data[..<max(0, cut - 12)]))
        }
        _ = (proxy, launcher)
    }

    @Test func theHelloOfAnotherGuestInsideAStreamReachesTheClient() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        let agent = try FakeAgent("first", workspace.linkSocket("a"))
        _ = try agent.greet(hello(1))
        let shell = try openShell(agent)
        #expect(try shell.line() == "first")
        var other = hello(2)
        other.token[0] = 99
        for bytes in [other.encoded(), Hello.magic, hello(3).encoded().dropLast()] {
            try agent.socket.send(agent.frame(agent.shells[0], bytes))
            var got: [UInt8] = []
            while got.count < bytes.count { got += try shell.receive() }
            #expect(got == bytes)
        }
        _ = (proxy, launcher)
    }

    @Test func newStreamsTakeTheFastestLinkAndAnyOtherWhenItIsLost() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        let slow = try FakeAgent("slow", workspace.linkSocket("a"))
        _ = try slow.greet(hello(1, .guestForward))
        slow.serveInBackground()
        let onSlow = try openShell()
        #expect(try onSlow.line() == "slow")

        var fast: FakeAgent? = try FakeAgent("fast", workspace.linkSocket("a"))
        _ = try fast?.greet(hello(2, .virtioSerial))
        let onFast = try openShell(fast)
        #expect(try onFast.line() == "fast")
        let links = try workspace.status().guests[0].links
        #expect(links.map(\.transport) == ["guestfwd", "virtio-serial"])
        #expect(links.map(\.streams) == [2, 2])

        fast = nil
        try proxy.waitForLog("over virtio-serial is lost")
        #expect(try onFast.rest() == [])
        #expect(try openShell().line() == "slow")
        // The other link's streams did not notice.
        try onSlow.send("still here\n")
        #expect(try onSlow.line() == "still here")
        _ = launcher
    }

    @Test func aLinkTellsItsRoundTrip() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        let agent = try FakeAgent("first", workspace.linkSocket("a"))
        _ = try agent.greet(hello(1))
        agent.serveInBackground()
        // The pong is before the shell's first bytes on the link.
        #expect(try openShell().line() == "first")
        let link = try #require(try workspace.status().guests[0].links.first)
        #expect(link.isHealthy)
        #expect(link.roundTripMicroseconds != nil)
        _ = (proxy, launcher)
    }

    @Test func anotherBootsLinksAreClosed() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        let before = try FakeAgent("before", workspace.linkSocket("a"))
        _ = try before.greet(hello(1, boot: "one"))
        let after = try FakeAgent("after", workspace.linkSocket("a"))
        _ = try after.greet(hello(2, .guestForward, boot: "two"))
        after.serveInBackground()
        try before.serve()
        #expect(try openShell().line() == "after")
        _ = (proxy, launcher)
    }

    @Test func anAgentWithAWrongTokenIsToldSo() throws {
        let proxy = try ProxyProcess(workspace)
        let launcher = try register()
        var wrong = hello(1)
        wrong.token = [1]
        #expect(try FakeAgent("x", workspace.linkSocket("a")).greet(wrong).refusal == "wrong token")
        #expect(try launcher.line().contains("linkRefused"))
        _ = proxy
    }

    @Test func aRegistrationKeepsTheLinksThatHaveItsTokenAndNoOthers() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let agent = try FakeAgent("early", workspace.linkSocket("a"))
        _ = try agent.greet(hello(1))
        agent.serveInBackground()
        let shell = try openShell()
        #expect(try shell.line() == "early")
        let launcher = try register()
        #expect(try launcher.line().contains("linkUp"))
        try shell.send("kept\n")
        #expect(try shell.line() == "kept")
        _ = proxy
    }

    @Test func aRegistrationEndsTheLinksOfWhoPosedAsTheGuest() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        var foreign = hello(1)
        foreign.token = [6, 6, 6]
        let thief = try FakeAgent("thief", workspace.linkSocket("a"))
        #expect(try thief.greet(foreign).refusal == nil)
        // While it is linked, its token is the guest's.
        #expect(try FakeAgent("true", workspace.linkSocket("a")).greet(hello(2)).refusal == "wrong token")
        let launcher = try register()
        try thief.serve()
        let agent = try FakeAgent("true", workspace.linkSocket("a"))
        #expect(try agent.greet(hello(3)).refusal == nil)
        agent.serveInBackground()
        #expect(try openShell().line() == "true")
        _ = (proxy, launcher)
    }

    /// From its first moment: the launcher has not come back, and may never.
    @Test func aProxyInAKilledOnesPlaceKnowsTheTokensOfItsGuests() throws {
        let first = try ProxyProcess(workspace)
        let launcher = try register()
        first.kill()
        let second = try ProxyProcess(workspace)
        var foreign = hello(1)
        foreign.token = [6, 6, 6]
        #expect(try FakeAgent("thief", workspace.linkSocket("a")).greet(foreign).refusal == "wrong token")
        let agent = try FakeAgent("true", workspace.linkSocket("a"))
        #expect(try agent.greet(hello(2)).refusal == nil)
        agent.serveInBackground()
        #expect(try openShell().line() == "true")
        let again = try register()
        try again.send("BYE\n")
        // Its links' ends come before the answer.
        while true {
            let line = try again.line()
            if line.hasPrefix("BYE") { break }
            try #require(!line.isEmpty)
        }
        // Who has said good-bye leaves no token.
        second.kill()
        let third = try ProxyProcess(workspace, ["--guest", "a"])
        #expect(try FakeAgent("thief", workspace.linkSocket("a")).greet(foreign).refusal == nil)
        _ = third
        _ = (second, launcher)
    }

    @Test func aProxyThatEndsLeavesNoSocketFile() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a", "--raw", "b"])
        let launcher = try workspace.control(.guest(name: "c", token: []))
        #expect(try launcher.line() == "OK")
        let names = try FileManager.default.contentsOfDirectory(atPath: workspace.directory)
        #expect(Set(names).isSuperset(of: ["a.socket", ".a.link.socket", "b.socket", ".b.link.socket", "c.socket", ".c.link.socket"]))
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(workspace.directory)/\(name)")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
        #expect(proxy.terminate() == .exited(0))
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.directory) == [])
    }
}
