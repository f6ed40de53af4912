import AgentProtocol
import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct BootMessageTests {
    static let messages: [BootMessage] = [
        .step(StepReport(index: 3, outcome: .failed, uptime: 1_234_567, name: "mount-root", detail: "no disk; é")),
        .boot(BootReport(state: .ready, uptime: 2, detail: "")), .networkUp, .switchRoot("/mnt-root"),
        .system("/nix/store/abc-système"), .switched, .powerOff,
    ]

    @Test(arguments: messages) func aMessageSurvivesThePacket(_ message: BootMessage) {
        #expect(BootMessage(decoding: message.encoded()) == message)
    }

    @Test func everyMessageBeginsWithItsNumber() {
        #expect(BootMessageTests.messages.map { $0.encoded()[0] } == [0, 1, 2, 3, 4, 5, 6])
    }

    @Test func aPacketThatIsNoMessageIsNone() {
        #expect(BootMessage(decoding: []) == nil)
        for kind in 7...UInt8.max { #expect(BootMessage(decoding: [kind, 0]) == nil) }
        for message in BootMessageTests.messages[..<2] {
            #expect(BootMessage(decoding: Array(message.encoded().prefix(9))) == nil)
        }
    }

    @Test(arguments: 0..<8) func randomPacketsNeverTrap(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var bytes = random.bytes(Int.random(in: 0...40, using: &random))
            if !bytes.isEmpty { bytes[0] %= 8 }
            if let message = BootMessage(decoding: bytes) { #expect(BootMessage(decoding: message.encoded()) == message) }
        }
    }

    @Test func aChannelDeliversMessagesInOrderAndThenItsEnd() throws {
        let (one, other) = try FileDescriptor.packetPair()
        defer { other.close() }
        let (sender, receiver) = (BootChannel(one), BootChannel(other))
        #expect(receiver.receive(milliseconds: 0) == .nothing)
        for message in BootMessageTests.messages { sender.send(message) }
        for message in BootMessageTests.messages { #expect(receiver.receive(milliseconds: 60_000) == .message(message)) }
        try one.writeAll([99])
        #expect(receiver.receive(milliseconds: 60_000) == .nothing)
        one.close()
        #expect(receiver.receive(milliseconds: 60_000) == .ended)
    }

    @Test func theLongestReportFitsAPacket() throws {
        let (one, other) = try FileDescriptor.packetPair()
        defer {
            one.close()
            other.close()
        }
        let long = String(repeating: "y", count: 10_000)
        BootChannel(one).send(.step(StepReport(index: 1, outcome: .failed, uptime: 1, name: long, detail: long)))
        guard case .message(.step(let report)) = BootChannel(other).receive(milliseconds: 60_000) else {
            Issue.record("no step arrived")
            return
        }
        #expect(report.detail.utf8.count == 4096)
    }

    @Test func aBootNeverWaitsForItsReports() throws {
        let (one, other) = try FileDescriptor.packetPair()
        defer {
            one.close()
            other.close()
        }
        // As PID 1 sets its end.
        try one.setNonBlocking()
        for _ in 0..<10_000 { BootChannel(one).send(BootMessageTests.messages[0]) }
        #expect(BootChannel(other).receive(milliseconds: 60_000) == .message(BootMessageTests.messages[0]))
    }
}
