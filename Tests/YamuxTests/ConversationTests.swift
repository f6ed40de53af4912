import Testing

@testable import Yamux

/// What every conversation must keep, whatever is said and however the pipe cuts it.
struct ConversationTests {
    @Test(arguments: 0..<12)
    func allBytesArriveInOrderAndNothingStalls(_ seed: Int) throws {
        let conversation = Conversation(seed: UInt64(seed))
        for _ in 0..<1500 { try conversation.step() }
        try conversation.settle()
        conversation.expectAllArrived()
    }

    /// The same with limits that bind at every turn.
    @Test(arguments: 1000..<1008)
    func tightLimitsChangeNothingButThePace(_ seed: Int) throws {
        var limits = YamuxLimits()
        limits.preferredOutput = 1000
        limits.maximumFrame = 300
        limits.maximumUnacknowledged = 1
        limits.maximumStreams = 8
        limits.maximumExtraWindow = 256 << 10
        let conversation = Conversation(seed: UInt64(seed), limits: limits)
        for _ in 0..<1500 { try conversation.step() }
        try conversation.settle()
        conversation.expectAllArrived()
    }
}
