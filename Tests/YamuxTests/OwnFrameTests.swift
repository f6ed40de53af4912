import Testing

@testable import Yamux

/// Frames whose data their owner writes itself, after the header.
struct OwnFrameTests {
    @Test func itsHeaderAndDataAreAFrameLikeAnyOther() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        #expect(side.yamux.frameCapacity(stream) == 256 << 10)
        let header = side.yamux.beginFrame(stream, length: 5)
        #expect(header == Raw.data(stream, [1, 2, 3, 4, 5]).dropLast(5))
        #expect(side.outputCount == 0)
        let peer = try Side.withPeerStream(.server, stream)
        try peer.receive(header + [1, 2, 3, 4, 5])
        #expect(peer.allEvents() == [.data(stream, [1, 2, 3, 4, 5])])
    }

    @Test func itTakesFromTheWindow() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        #expect(!side.yamux.beginFrame(stream, length: 200 << 10).isEmpty)
        #expect(side.yamux.frameCapacity(stream) == 56 << 10)
        #expect(side.yamux.beginFrame(stream, length: (56 << 10) + 1).isEmpty)
        #expect(side.yamux.beginFrame(stream, length: 0).isEmpty)
        #expect(!side.yamux.beginFrame(stream, length: 56 << 10).isEmpty)
        #expect(side.yamux.frameCapacity(stream) == 0)
        try side.receive(Raw.window(stream, 100))
        #expect(side.yamux.frameCapacity(stream) == 100)
    }

    @Test func nothingThatWaitsToBeWrittenIsOvertaken() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        _ = side.send(stream, [1])
        #expect(side.yamux.frameCapacity(stream) == 0)
        #expect(side.yamux.beginFrame(stream, length: 1).isEmpty)
        _ = side.written()
        #expect(side.yamux.frameCapacity(stream) > 0)
    }

    @Test func aStreamThatWaitsForItsTurnIsNotOvertaken() throws {
        let (side, first) = try Side.withOwnStream(.client)
        let second = try side.open()
        _ = side.written()
        _ = side.send(first, [UInt8](repeating: 1, count: 200_000))
        _ = side.written()
        #expect(side.yamux.frameCapacity(second) == 0)
        #expect(side.nextEvent() == .writable(first))
        #expect(side.nextEvent() == nil)
        #expect(side.yamux.frameCapacity(second) > 0)
    }

    @Test func aStreamThatIsNotThereAnyMoreHasNone() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        side.finish(stream)
        _ = side.written()
        #expect(side.yamux.frameCapacity(stream) == 0)
        side.reset(stream)
        _ = side.written()
        #expect(side.yamux.frameCapacity(stream) == 0)
        #expect(side.yamux.beginFrame(stream, length: 1).isEmpty)
    }
}
