import CLinux
import ControlProtocol
import Foundation
import HostileGuest
import LinuxSystem
import Proxy
import Testing

/// The real proxy with a guest that attacks it, and a real agent beside it whose shell must go on.
@Suite(.serialized) struct HostileGuestTests {
    private let workspace: Workspace
    private static let bufferedMebibytes = 16

    init() throws { workspace = try Workspace() }

    /// Runs the attack on a thread of its own, again and again, until `end`.
    private final class Attacker: @unchecked Sendable {
        private let condition = NSCondition()
        // Both behind the condition.
        private var isEnding = false
        private var isOver = false

        init(_ attack: Attack, _ guest: HostileGuest) {
            Thread.detachNewThread { [self] in
                while !mustEnd {
                    try? guest.run(attack) { self.mustEnd }
                    // What needs clients is done when they are cut off.
                    if attack.clients != .none { break }
                }
                condition.withLock {
                    isOver = true
                    condition.signal()
                }
            }
        }

        private var mustEnd: Bool { condition.withLock { isEnding } }

        func end() {
            condition.withLock {
                isEnding = true
                let deadline = Date(timeIntervalSinceNow: 30)
                while !isOver, condition.wait(until: deadline) {}
            }
        }
    }

    /// A byte to a shell of the guest and back.
    private func echo(_ shell: SocketClient, _ times: Int) throws {
        for turn in 0..<times {
            let byte = UInt8(truncatingIfNeeded: turn)
            try shell.send([byte])
            try #require(try shell.receive() == [byte])
        }
    }

    /// A client of the hostile guest, which does to it what the attack is about.
    private func client(_ clients: Attack.Clients) throws -> SocketClient {
        let client = try workspace.control(.connect(guest: "bad", service: "shell", now: true))
        let descriptor = client.descriptor
        switch clients {
        case .none, .silent: break
        case .reading:
            Thread.detachNewThread {
                var buffer = [UInt8](repeating: 0, count: 64 << 10)
                while read(descriptor, &buffer, buffer.count) > 0 {}
            }
        case .writing:
            Thread.detachNewThread {
                let buffer = [UInt8](repeating: 65, count: 64 << 10)
                while send(descriptor, buffer, buffer.count, CInt(MSG_NOSIGNAL)) > 0 {}
            }
        }
        return client
    }

    @Test(arguments: Attack.allCases) func aHostileGuestIsCutOffOrBoundedAndNoOtherGuestIsHarmed(_ attack: Attack) throws {
        let proxy = try ProxyProcess(
            workspace, ["--guest", "good", "--guest", "bad", "--max-buffered", "\(HostileGuestTests.bufferedMebibytes)"])
        let agent = try TestAgent.start(workspace.directory, guest: "good")
        let shell = try SocketClient(workspace.shellSocket("good"))
        try shell.send("exec cat\n")
        try echo(shell, 1)
        let clients = attack.clients == .none ? [] : [try client(attack.clients), try client(attack.clients)]
        let attacker = Attacker(attack, HostileGuest(linkSocket: workspace.linkSocket("bad")))
        defer {
            attacker.end()
            // Their threads end with them, before the descriptors are given to others.
            for client in clients { shutdown(client.descriptor, CInt(SHUT_RDWR)) }
        }
        try echo(shell, 25)
        if let line = attack.logLine { try proxy.waitForLog(line) }
        if case .garbage = attack { try proxy.waitForLog(" of guest bad broke the protocol: ") }
        try echo(shell, 25)
        attacker.end()
        try echo(shell, 10)
        var limits = ProxyLimits()
        limits.bytesInAll = HostileGuestTests.bufferedMebibytes << 20
        let (peak, bound) = (try proxy.peakMemory(), limits.memoryBound(guests: 2))
        #expect(peak < bound, "\(attack): \(peak >> 20) MiB of \(bound >> 20)")
        let bad = try #require(try workspace.status().guests.first { $0.name == "bad" })
        #expect(bad.links.count <= limits.linksPerGuest)
        #expect(bad.steps.count <= limits.stepsPerGuest)
        for step in bad.steps {
            #expect(step.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
            #expect(step.detail.count <= limits.textLength)
        }
        _ = agent
    }

    @Test func whenTooMuchWaitsInAllTheGuestThatHoldsMostLosesAStream() throws {
        let proxy = try ProxyProcess(workspace, ["--guest", "good", "--guest", "bad", "--max-buffered", "1"])
        let agents = [
            try TestAgent.start(workspace.directory, guest: "good"), try TestAgent.start(workspace.directory, guest: "bad"),
        ]
        let shell = try SocketClient(workspace.shellSocket("good"))
        try shell.send("exec cat\n")
        try echo(shell, 1)
        // Each may have a window of bytes that it does not take.
        let silent = try (0..<12).map { _ in
            let client = try SocketClient(workspace.shellSocket("bad"))
            try client.send("exec cat /dev/zero\n")
            return client
        }
        try proxy.waitForLog("a stream of guest bad is cut off")
        try echo(shell, 25)
        _ = (agents, silent)
    }
}
