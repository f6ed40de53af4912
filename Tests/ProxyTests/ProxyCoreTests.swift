import CLinux
import Foundation
import HostTools
import LinuxSystem
import NIOConcurrencyHelpers
import Testing

@testable import Proxy

/// The proxy's core with the real agent, where the programs cannot be told what a test wants.
@Suite(.serialized) struct ProxyCoreTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// A shell that sends back each line.
    private func echo() throws -> SocketClient {
        let client = try SocketClient(workspace.shellSocket("a"))
        try client.send("exec cat\n")
        try say(client, 1)
        return client
    }

    private func say(_ client: SocketClient, _ times: Int) throws {
        for _ in 0..<times {
            try client.send("x\n")
            guard try client.line() == "x" else { throw TestFault("no echo") }
        }
    }

    @Test func theLoopWaitsAwakeForAConversationAndNotBesideOthers() throws {
        let looks = NIOLockedValueBox<[CInt]>([])
        // Each look at the clock is 1 us later, however long a turn takes here.
        let proxy = try ProxyInProcess(workspace) {
            var now: UInt64 = 2_000_000_000
            return BusyPoll(
                limit: 200_000,
                clock: {
                    now += 1_000
                    return now
                },
                look: { client, _ in
                    looks.withLockedValue { $0.append(client) }
                    return .hit
                })
        }
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        // On the loop: what a turn there waits for, it has waited for.
        func count() throws -> Int { try proxy.ask { _ in looks.withLockedValue { $0.count } } }

        let first = try echo()
        try say(first, 10)
        let alone = try count()
        // Both the client's pieces and the link's are waited for.
        #expect(alone >= 10)

        // One turn each is no conversation, from the moment that the other connects.
        let second = try echo()
        let beside = try count()
        for _ in 0..<10 {
            try say(first, 1)
            try say(second, 1)
        }
        #expect(try count() == beside)

        try say(second, 10)
        #expect(try count() > beside)
        #expect(Set(looks.withLockedValue { $0 }).count == 2)
        // Its socket is looked at once more, which finds that it sends no more; not for what the shell still says.
        let before = try count()
        second.finish()
        #expect(try second.rest().isEmpty)
        // A report of the agent's, or a pong, may come just then.
        #expect(try count() <= before + 2)
        try say(first, 10)
        #expect(looks.withLockedValue { $0.last == $0.first })
        _ = (proxy, agent)
    }

    @Test func aShellWhoseClientIsGoneDoesNotPrintForEver() throws {
        var limits = ProxyLimits()
        limits.bytesForNobody = 1 << 20
        let proxy = try ProxyInProcess(workspace, limits)
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        var client: SocketClient? = try SocketClient(workspace.shellSocket("a"))
        try client?.send("echo $$; exec yes\n")
        let process = try #require(try client.flatMap { pid_t(try $0.line()) })
        #expect(kill(process, 0) == 0)
        client = nil
        // It is a child of the agent, which waits for it.
        let deadline = ContinuousClock.now + .seconds(30)
        while kill(process, 0) == 0, ContinuousClock.now < deadline { usleep(10_000) }
        #expect(kill(process, 0) != 0, "process \(process) still prints")
        // What prints less comes to its end.
        client = try SocketClient(workspace.shellSocket("a"))
        let file = workspace.directory + "/done"
        try client?.send("head -c 500000 /dev/zero; sleep 0.2; head -c 500000 /dev/zero; touch \(file)\n")
        client = nil
        while !FileManager.default.fileExists(atPath: file), ContinuousClock.now < deadline { usleep(10_000) }
        #expect(FileManager.default.fileExists(atPath: file))
        _ = (proxy, agent)
    }

    @Test func theLinkThatHoldsTooMuchLosesTheStreamThatHoldsMost() throws {
        var limits = ProxyLimits()
        limits.bytesPerLink = 128 << 10
        let proxy = try ProxyInProcess(workspace, limits)
        let agent = try startAgent(["--socket", workspace.linkSocket("a")])
        let other = try echo()
        // Nobody reads it: what its socket does not take waits in the proxy.
        let stalled = try SocketClient(workspace.shellSocket("a"))
        try stalled.send("exec head -c 10000000 /dev/zero\n")
        let deadline = ContinuousClock.now + .seconds(30)
        var isCut = false
        while !isCut, ContinuousClock.now < deadline {
            var request = pollfd(fd: stalled.descriptor, events: 0, revents: 0)
            poll(&request, 1, 10)
            isCut = request.revents & Int16(POLLHUP) != 0
        }
        #expect(isCut)
        #expect(try stalled.rest().count < 10_000_000)
        try say(other, 3)
        #expect(try proxy.ask { $0.load.heldBytes } == 0)
        _ = agent
    }
}
