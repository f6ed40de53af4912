import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Proxy
import Testing

/// The real proxy with the real agent, whose sessions are processes of this machine.
@Suite(.serialized) struct RealAgentTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func theAgentServesShellsOverTheLinkSocket() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        #expect(try workspace.shell("a", "echo $((6*7))") == "42\n")
        let status = try workspace.status()
        #expect(status.guests[0].links.map(\.transport) == ["socket"])
        _ = (proxy, agent)
    }

    @Test func theAgentServesAConnectedDescriptorAndEndsWithIt() throws {
        let proxy = try ProxyProcess(workspace)
        let (ours, theirs) = try SocketClient.pair()
        let agent = try startAgent(["--descriptor", "0"], input: theirs)
        try LinkHelper.pass(FileDescriptor(rawValue: ours), guest: "a", directory: workspace.directory)
        close(ours)
        try proxy.waitForLog("is linked over socket")
        #expect(try workspace.shell("a", "echo hello") == "hello\n")
        proxy.kill()
        #expect(agent.end() == .exited(0))
    }

    /// Unless its name says that it outlives an init's clean-up.
    @Test(arguments: [false, true]) func theAgentEndsWhenItIsAsked(outlives: Bool) throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let own = try Workspace.program("vm-agent")
        let words = [
            "-c", "exec -a \"$0\" \"$1\" connect --socket \"$2\"", outlives ? "@vm-agent" : "vm-agent", own, workspace.linkSocket("a"),
        ]
        let agent = try ChildProgram("/bin/bash", words)
        #expect(try workspace.shell("a", "echo one") == "one\n")
        kill(agent.identifier, SIGTERM)
        if outlives { #expect(try workspace.shell("a", "echo two") == "two\n") } else { #expect(agent.end() == .signaled(UInt8(SIGTERM))) }
        _ = proxy
    }

    @Test func anAgentOfAnotherUserCannotPowerOff() throws {
        // Its socket is this user's, and of a directory that others may look into.
        chmod(workspace.directory, 0o711)
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let (ours, theirs) = try SocketClient.pair()
        let agent = try ChildProgram(
            try Workspace.program("vm-agent"), ["connect", "--descriptor", "0"], input: theirs, user: geteuid() == 0 ? 65_534 : nil)
        try LinkHelper.pass(FileDescriptor(rawValue: ours), guest: "a", directory: workspace.directory)
        close(ours)
        let answer = try workspace.control(.connect(guest: "a", service: Service.powerOff.rawValue, now: true)).line()
        #expect(answer == "ERR the agent does not run as root, so it cannot power the guest off")
        _ = (proxy, agent)
    }

    @Test func aKilledProxyIsFoundAgainByItsGuests() throws {
        let (tokenFile, token) = try workspace.token()
        let first = try ProxyProcess(workspace)
        let launcher = try workspace.control(.guest(name: "a", token: token))
        #expect(try launcher.line() == "OK")
        let agent = try startAgent(["--socket", workspace.linkSocket("a"), "--token-file", tokenFile])
        #expect(try workspace.shell("a", "echo one") == "one\n")
        first.kill()
        let second = try ProxyProcess(workspace)
        try second.waitForLog("is linked over socket")
        #expect(try workspace.shell("a", "echo two") == "two\n")
        let id = try workspace.status().guests[0].links[0].id
        // The launcher comes back later than the guest.
        let again = try workspace.control(.guest(name: "a", token: token))
        #expect(try again.line() == "OK")
        #expect(try workspace.status().guests[0].links.map(\.id) == [id])
        #expect(try workspace.shell("a", "echo three") == "three\n")
        _ = agent
    }

    /// The file is in `/sys`, which is nowhere while the root is switched.
    @Test func aTokenThatCannotBeReadForAMomentIsStillTheGuests() throws {
        let (tokenFile, token) = try workspace.token()
        let first = try ProxyProcess(workspace)
        let agent = try startAgent(["--socket", workspace.linkSocket("a"), "--token-file", tokenFile])
        let launcher = try workspace.control(.guest(name: "a", token: token))
        #expect(try launcher.line() == "OK")
        #expect(try workspace.shell("a", "echo one") == "one\n")
        try FileManager.default.removeItem(atPath: tokenFile)
        first.kill()
        let second = try ProxyProcess(workspace)
        let again = try workspace.control(.guest(name: "a", token: token))
        #expect(try again.line() == "OK")
        #expect(try workspace.shell("a", "echo two") == "two\n")
        _ = (second, agent)
    }

    @Test func anAgentThatDoesNotNoticeTheProxysDeathIsAskedForAHello() throws {
        let relay = try ChardevRelay(guestPath: workspace.directory + "/guest", hostPath: workspace.linkSocket("a"))
        let first = try ProxyProcess(workspace, ["--guest", "a"])
        let agent = try startAgent(["--socket", relay.guestPath])
        #expect(try workspace.shell("a", "echo one") == "one\n")
        first.kill()
        let second = try ProxyProcess(workspace, ["--guest", "a"])
        #expect(try workspace.shell("a", "echo two") == "two\n")
        _ = (second, agent)
    }

    @Test func anAgentThatSaidHelloToNobodyIsAskedForAnother() throws {
        let relay = try ChardevRelay(guestPath: workspace.directory + "/guest", hostPath: workspace.linkSocket("a"))
        let agent = try startAgent(["--socket", relay.guestPath])
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        #expect(try workspace.shell("a", "echo one") == "one\n")
        _ = (proxy, agent)
    }

    @Test func anAgentThatDiedInTheMiddleOfAFrameIsReplaced() throws {
        let (tokenFile, token) = try workspace.token()
        let relay = try ChardevRelay(guestPath: workspace.directory + "/guest", hostPath: workspace.linkSocket("a"))
        let proxy = try ProxyProcess(workspace)
        let launcher = try workspace.control(.guest(name: "a", token: token))
        #expect(try launcher.line() == "OK")
        let first = try startAgent(["--socket", relay.guestPath, "--token-file", tokenFile])
        let busy = try SocketClient(workspace.shellSocket("a"))
        try busy.send("cat /dev/zero\n")
        _ = try busy.receive()
        first.kill()
        let second = try startAgent(["--socket", relay.guestPath, "--token-file", tokenFile])
        #expect(try busy.rest().allSatisfy { $0 == 0 })
        #expect(try workspace.shell("a", "echo two") == "two\n")
        _ = (proxy, second)
    }

    @Test func aShellOutlivesTheLossOfAnotherLink() throws {
        let (tokenFile, token) = try workspace.token()
        let proxy = try ProxyProcess(workspace)
        let launcher = try workspace.control(.guest(name: "a", token: token))
        #expect(try launcher.line() == "OK")
        let (ours, theirs) = try SocketClient.pair()
        let agent = try startAgent(
            ["--descriptor", "0", "--socket", workspace.linkSocket("a"), "--token-file", tokenFile], input: theirs)
        try proxy.waitForLog("is linked over")
        let shell = try SocketClient(workspace.shellSocket("a"))
        try shell.send("echo one\n")
        #expect(try shell.line() == "one")
        try LinkHelper.pass(FileDescriptor(rawValue: ours), guest: "a", directory: workspace.directory)
        try proxy.waitForLog("is linked over")
        // Ends the link behind the proxy's back.
        shutdown(ours, CInt(SHUT_RDWR))
        close(ours)
        try proxy.waitForLog("is lost")
        try shell.send("echo two; exit\n")
        #expect(try shell.rest() == Array("two\n".utf8))
        #expect(try workspace.shell("a", "echo three") == "three\n")
        _ = agent
    }

    @Test func anAnswerWithoutTheNonceIsTakenOnlyWhenItComesFirst() throws {
        let answer = Hello(software: "another proxy").encoded()
        for (before, isTaken) in [([UInt8](), true), ([0], false), (Hello(isRequest: true).encoded(), false)] {
            let (ours, theirs) = try SocketClient.pair()
            let proxy = SocketClient(descriptor: ours)
            let agent = try startAgent(["--descriptor", "0"], input: theirs)
            var hello: [UInt8] = []
            while try Hello.decode(hello[...]) == nil { hello += try proxy.receive() }
            // A yamux ping, which only an open link answers; a hello is what a request is answered with.
            let ping: [UInt8] = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]
            try proxy.send(before + answer + ping)
            if isTaken {
                // With the agent's own ping, which measures the way.
                var frames: [UInt8] = []
                while frames.count < 24 { frames += try proxy.receive() }
                let both = [Array(frames[..<12]), Array(frames[12...])]
                #expect(Set(both) == [[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9]])
            } else {
                try proxy.send(Hello(isRequest: true).encoded())
                #expect(try Hello.decode(proxy.receive()[...])?.hello.transport == .socket)
            }
            _ = agent
        }
    }
}
