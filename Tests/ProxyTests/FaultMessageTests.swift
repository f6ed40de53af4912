import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Testing

/// The proxy's messages of `docs/errors.md` that no other test comes across.
@Suite(.serialized) struct FaultMessageTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private func agent(_ answer: @escaping (String) -> [UInt8]? = { _ in nil }) throws -> FakeAgent {
        let agent = try FakeAgent("fake", workspace.linkSocket("a"))
        agent.answer = answer
        _ = try agent.greet(Hello(bootID: "boot", token: [1], software: "test", nonce: [1], transport: .virtioSerial))
        return agent
    }

    @Test(arguments: [
        (Frame(.standardOutput, [0]).encoded(), "ERR the agent answered with a frame of type "),
        ([UInt8](repeating: 0xFF, count: 64), "ERR the agent's answer: "), ([], "ERR the agent ended the stream without an answer"),
    ])
    func anAnswerThatIsNoneIsToldToTheClient(bytes: [UInt8], words: String) throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let agent = try agent { $0 == Service.events.rawValue ? nil : bytes }
        agent.serveInBackground()
        let client = try workspace.control(.connect(guest: "a", service: "shell", now: true))
        let line = try client.line()
        #expect(line.hasPrefix(words), "\(line)")
        _ = proxy
    }

    @Test func anAgentThatNeverAnswersIsGivenUp() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a", "--wait", "1"])
        let agent = try agent()
        agent.ignores = { $0 == "shell" }
        agent.serveInBackground()
        let client = try workspace.control(.connect(guest: "a", service: "shell", now: true))
        let line = try client.line()
        #expect(line == "ERR the guest's agent has not answered within 15 s; 'vm ps' tells how its links are")
        #expect(try client.rest().isEmpty)
        // The link is as good as before.
        #expect(try workspace.status().guests.first?.links.first?.streams == 1)
        _ = proxy
    }

    @Test(arguments: [
        (Frame(.refused, text: "not now").encoded(), "guest a does not report its boot: not now"),
        (Frame(.standardOutput, [0]).encoded(), "of guest a is cut: its boot reports: a frame of type "),
    ])
    func aGuestThatDoesNotReportItsBootIsInTheLog(bytes: [UInt8], words: String) throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let agent = try agent { _ in bytes }
        agent.serveInBackground()
        try proxy.waitForLog(words)
    }

    @Test func aLinkWithoutAHelloIsInTheLog() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        // A virtio-serial port is silent until the guest has its driver: what counts is that one has begun.
        let silent = try (0...16).map { _ in
            let link = try SocketClient(workspace.linkSocket("a"))
            try link.send(Hello.magic.prefix(4))
            return link
        }
        try proxy.waitForLog("a link of guest a was refused: it has said no hello, and a newer one took its place")
        // The others have 10 s for it.
        try proxy.waitForLog("a link of guest a was refused: no hello within the time for it")
        _ = silent
    }

    @Test func aClientsRequestIsBoundedInLengthAndTime() throws {
        let proxy = try ProxyProcess(workspace)
        let long = try SocketClient(workspace.controlSocket)
        try long.send([UInt8](repeating: UInt8(ascii: "a"), count: 5_000))
        let line = try long.line()
        #expect(line.hasPrefix("ERR the line has more than "), "\(line)")
        let silent = try SocketClient(workspace.controlSocket)
        #expect(try silent.line() == "ERR no request line within the time for it")
        _ = proxy
    }

    @Test func oneGuestHasOnlySoManyClientsThatWaitOrRead() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "a"])
        let waiting = try (0..<256).map { _ in try workspace.control(.connect(guest: "a", service: "shell", now: false)) }
        #expect(
            try workspace.control(.connect(guest: "a", service: "shell", now: false)).line() == "ERR 256 clients wait for guest 'a' already"
        )
        let readers = try (0..<256).map { _ in try workspace.control(.watch(guest: "a")) }
        for reader in readers { try #require(try reader.line() == "OK") }
        #expect(try workspace.control(.watch(guest: "a")).line() == "ERR 256 clients read the log of guest 'a' already")
        _ = (proxy, waiting)
    }
}
