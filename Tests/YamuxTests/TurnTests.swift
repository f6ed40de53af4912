import Testing

@testable import Yamux

/// Streams share the output: none keeps it from the others, and none is forgotten.
struct TurnTests {
    /// Sends on `streams` whatever there is room for, round after round, and says how much each sent.
    private static func sendAlways(_ side: Side, _ streams: [UInt32], rounds: Int) throws -> [UInt32: Int] {
        let piece = [UInt8](repeating: 1, count: 200_000)
        var sent: [UInt32: Int] = [:]
        func pump(_ stream: UInt32) { sent[stream, default: 0] += side.send(stream, piece) }
        for stream in streams {
            try side.receive(Raw.window(stream, 1 << 30))
            pump(stream)
        }
        for _ in 0..<rounds {
            _ = side.written()
            while let event = side.nextEvent() { if case .writable(let stream) = event { pump(stream) } }
        }
        return sent
    }

    @Test(arguments: [1, 2, 3, 50])
    func streamsThatAlwaysHaveDataGetEqualShares(_ count: Int) throws {
        let side = Side(.client)
        let streams = try (0..<count).map { _ in try side.open() }
        let sent = try Self.sendAlways(side, streams, rounds: 400)
        let least = sent.values.min() ?? 0
        let most = sent.values.max() ?? 0
        #expect(least > 0)
        #expect(most - least <= YamuxLimits().preferredOutput + YamuxLimits().maximumFrame)
        // Nothing is lost to taking turns: each round fills the output.
        #expect(sent.values.reduce(0, +) >= 400 * YamuxLimits().preferredOutput)
    }

    @Test func aFreshStreamSendsItsRequestWhileAnotherFillsTheOutput() throws {
        let (side, bulk) = try Side.withOwnStream(.client)
        _ = side.send(bulk, [UInt8](repeating: 1, count: 200_000))
        let fresh = try side.open()
        #expect(side.send(fresh, [UInt8](repeating: 2, count: 4096)) == 4096)
        #expect(side.send(fresh, [2]) == 0)
        _ = side.written()
        #expect(side.nextEvent() == .writable(bulk))
        _ = side.send(bulk, [UInt8](repeating: 1, count: 100_000))
        #expect(side.nextEvent() == .writable(fresh))
        #expect(side.send(fresh, [2]) == 1)
    }

    @Test func whoDoesNotWaitDoesNotOvertakeWhoDoes() throws {
        let (side, first) = try Side.withOwnStream(.client)
        let second = try side.open()
        _ = side.send(second, [UInt8](repeating: 2, count: 4096))
        _ = side.written()
        _ = side.send(first, [UInt8](repeating: 1, count: 200_000))
        _ = side.takeOutput()
        #expect(side.send(second, [2]) == 0)
        #expect(side.nextEvent() == .writable(first))
        #expect(side.send(first, [1]) == 1)
        #expect(side.nextEvent() == .writable(second))
        #expect(side.send(second, [2]) == 1)
        #expect(side.nextEvent() == nil)
    }

    @Test func aStreamIsWritableWhenWhatItWantsFits() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        #expect(side.sendAll(stream, 256 << 10) == 256 << 10)
        #expect(side.capacity(stream, wanted: 5000) == 0)
        try side.receive(Raw.window(stream, 4999))
        #expect(side.allEvents().isEmpty)
        #expect(side.capacity(stream, wanted: 5000) == 4999)
        try side.receive(Raw.window(stream, 1))
        #expect(side.allEvents() == [.writable(stream)])
        #expect(side.capacity(stream, wanted: 5000) == 5000)
    }

    @Test func wantingMoreThanTheOutputHoldsDoesNotSpin() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        try side.receive(Raw.window(stream, 1 << 30))
        _ = side.send(stream, [UInt8](repeating: 1, count: 200_000))
        #expect(side.capacity(stream, wanted: 1 << 20) == 0)
        _ = side.written()
        var events = 0
        while events < 10, side.nextEvent() != nil {
            events += 1
            _ = side.capacity(stream, wanted: 1 << 20)
        }
        #expect(events == 1)
    }

    @Test func streamsThatEndWhileTheyWaitArePassedOver() throws {
        let (side, first) = try Side.withOwnStream(.client)
        var streams = [first]
        for _ in 0..<200 { streams.append(try side.open()) }
        for stream in streams { _ = side.send(stream, [UInt8](repeating: 1, count: 100_000)) }
        for stream in streams.dropLast() { side.reset(stream) }
        #expect(side.written().count > 0)
        #expect(side.hasEvents)
        #expect(side.allEvents() == [streams[200]].map { .writable($0) })
        #expect(!side.hasEvents)
    }

    @Test func aStreamThatHasFinishedIsNotWritable() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        _ = side.send(stream, [UInt8](repeating: 1, count: 100_000))
        side.finish(stream)
        _ = side.written()
        #expect(side.allEvents().isEmpty)
    }

    @Test func controlFramesDoNotWaitBehindBulkData() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        _ = side.send(stream, [UInt8](repeating: 1, count: 100_000))
        try side.receive(Raw.ping(7, Flag.syn))
        #expect(side.takeOutput() == Raw.ping(7, Flag.ack))
        #expect(side.takeOutput().count > 60_000)
        #expect(side.outputCount == 0)
    }

    @Test func dataThatWaitsIsBounded() throws {
        let side = Side(.client)
        for _ in 0..<200 {
            let stream = try side.open()
            while side.send(stream, [UInt8](repeating: 1, count: 9000)) > 0 {}
        }
        #expect(side.outputCount <= YamuxLimits().preferredOutput + 200 * (4096 + 3 * 12) + 12 * 8)
    }
}
