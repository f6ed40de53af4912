import AgentProtocol
import Testing

@testable import GuestSessions

@Suite struct EchoTests {
    private static let accepted = Frame(.accepted).encoded()

    @Test func whatComesGoesBackInOrderAndIsCredited() throws {
        let rig = try ServiceRig { stream, _ in Echo(stream) }
        rig.service.received([1, 2, 3])
        rig.service.received([4])
        #expect(rig.link.sent == Self.accepted + [1, 2, 3, 4])
        #expect(rig.link.credit == 4)
        #expect(!rig.service.isOver)
        rig.service.inputFinished()
        #expect(rig.link.isFinished)
        #expect(rig.service.isOver)
    }

    @Test func withoutRoomItWaitsAndGivesNoCredit() throws {
        let rig = try ServiceRig { stream, _ in Echo(stream) }
        rig.link.window = 2
        rig.service.received([1, 2, 3])
        rig.service.received([4, 5])
        rig.service.inputFinished()
        #expect(rig.link.sent == Self.accepted + [1, 2])
        #expect(rig.link.credit == 2)
        #expect(!rig.link.isFinished)
        rig.link.window = 2
        rig.service.streamWritable()
        #expect(rig.link.sent == Self.accepted + [1, 2, 3, 4])
        rig.link.window = 100
        rig.service.streamWritable()
        #expect(rig.link.sent == Self.accepted + [1, 2, 3, 4, 5])
        #expect(rig.link.credit == 5)
        #expect(rig.link.isFinished)
        #expect(rig.service.isOver)
    }

    @Test func aStreamThatIsLostIsForgotten() throws {
        let rig = try ServiceRig { stream, _ in Echo(stream) }
        rig.link.window = 0
        rig.service.received([1])
        rig.service.streamLost()
        #expect(rig.service.isOver)
        rig.link.window = 10
        rig.service.streamWritable()
        #expect(rig.link.sent == Self.accepted)
        #expect(!rig.link.isFinished)
    }
}
