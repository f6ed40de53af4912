import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Testing

@testable import ProxyClient

/// `LOGS`, `WATCH` and what the agent says of itself, through a real proxy.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LogTests {
    let proxy: TestProxy

    init() throws { proxy = try TestProxy() }

    static func lines(_ log: LogLines) throws -> [LogLine] {
        var (log, lines) = (log, [LogLine]())
        while let line = try log.next() { lines.append(line) }
        return lines
    }

    /// A registered guest whose console has printed `lines`.
    func guest(_ lines: [String]) throws -> (registration: GuestRegistration, relay: LogRelay) {
        let relay = try LogRelay()
        let registration = try proxy.client.register("vm", token: [])
        relay.attach(registration)
        for line in lines { relay.add(line) }
        return (registration, relay)
    }

    @Test func theConsoleIsThereForAGuestThatHasNeverConnected() throws {
        var (registration, relay) = try guest(["first", "", "  last: déjà vu"])
        relay.finish(milliseconds: 10_000)
        // Whatever the proxy has read of the launcher, it has read before it answers the next line.
        _ = try registration.setProcess(1)
        var followed = try proxy.client.logs(of: "vm", follow: true)
        #expect(try (0..<3).map { _ in try followed.next() } == [.console("first"), .console(""), .console("  last: déjà vu")])
        #expect(try Self.lines(try proxy.client.logs(of: "vm", follow: false)).count == 3)
        _ = try registration.end()
        #expect(try followed.next() == nil)
    }

    @Test func followersGetWhatComesUntilTheGuestIsGone() throws {
        var (registration, relay) = try guest(["before"])
        var follower = try proxy.client.logs(of: "vm", follow: true)
        #expect(try follower.next() == .console("before"))
        relay.add("after")
        #expect(try follower.next() == .console("after"))
        let agent = try TestAgent.start(proxy.directory)
        guard case .state(let change)? = try follower.next() else { throw TestFault("no state in the log") }
        #expect((change.state, change.detail) == (.ready, "the agent was started alone"))
        agent.stop()
        relay.add("the last words")
        relay.finish(milliseconds: 10_000)
        _ = try registration.end()
        #expect(try Self.lines(follower) == [.console("the last words")])
    }

    @Test func onlyTheLastMebibyteIsKeptAndASlowReaderIsToldWhatItMissed() throws {
        var (registration, relay) = try guest([])
        let slow = try proxy.client.logs(of: "vm", follow: true)
        let text = String(repeating: "x", count: 500)
        for number in 0..<10_000 {
            relay.add("\(number) \(text)")
            // The relay is bounded as well; what is tested here is the proxy.
            if number % 500 == 0 { _ = try proxy.client.status() }
        }
        relay.add("end")
        relay.finish(milliseconds: 30_000)
        _ = try registration.end()
        let lines = try Self.lines(slow)
        #expect(lines.last == .console("end"))
        let lost = lines.reduce(0) { sum, line in if case .lost(let count) = line { sum + count } else { sum } }
        #expect(lost > 1 << 20)
        let kept = lines.drop { if case .lost = $0 { false } else { true } }.dropFirst()
        #expect(kept.count < (1 << 20) / 500 + 200)
    }

    @Test func aProxyThatTakesThePlaceOfAnotherIsToldTheConsoleAgain() throws {
        let (first, relay) = try guest(["one", "two"])
        var lines = try proxy.client.logs(of: "vm", follow: true)
        #expect(try lines.next() == .console("one"))
        let other = try TestProxy()
        var second = try other.client.register("vm", token: [])
        relay.attach(second)
        relay.add("three")
        relay.finish(milliseconds: 10_000)
        let follower = try other.client.logs(of: "vm", follow: true)
        _ = try second.end()
        #expect(try Self.lines(follower) == [.console("one"), .console("two"), .console("three")])
        withExtendedLifetime(first) {}
    }

    @Test(arguments: [ControlRequest.logs(guest: "other", follow: true), .watch(guest: "other")])
    func anUnknownGuestIsRefused(request: ControlRequest) throws {
        let (registration, relay) = try guest([])
        let (socket, answer) = try proxy.request(request)
        #expect(answer == "ERR no guest 'other' here; there are: vm")
        socket.close()
        relay.finish(milliseconds: 1_000)
        withExtendedLifetime(registration) {}
    }

    @Test func aWatcherIsToldWhenTheGuestIsGone() throws {
        var (registration, relay) = try guest(["not for a watcher"])
        let (socket, answer) = try proxy.request(.watch(guest: "vm"))
        defer { socket.close() }
        #expect(answer == "OK")
        relay.finish(milliseconds: 1_000)
        _ = try registration.end()
        #expect(try String(decoding: socket.readToEnd(), as: UTF8.self) == "GONE its VM has ended\n")
    }

    @Test func theAgentsOwnReportIsInTheStatus() throws {
        let registration = try proxy.client.register("vm", token: [])
        defer { withExtendedLifetime(registration) {} }
        let agent = try TestAgent.start(proxy.directory)
        // The report follows the one that the guest is ready, which the client waits for.
        try proxy.connect(Service.shell.rawValue).close()
        let status = try proxy.client.status(of: "vm")
        let report = try #require(status.agent)
        #expect((100 << 10...100 << 20).contains(report.memoryBytes))
        #expect((report.connections, report.links) == (0, 1))
        #expect(report.uptimeMicroseconds > report.ageMilliseconds * 1_000)
        agent.stop()
    }
}
