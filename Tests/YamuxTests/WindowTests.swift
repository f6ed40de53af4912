import Testing

@testable import Yamux

private let kibibyte = 1 << 10
private let smallest = 256 << 10

/// A peer that sends on stream 1 whatever its window allows, in lumps, and an application that uses it in no time.
private final class BulkPeer {
    let side: Side
    /// What the peer may send.
    var window = smallest

    init(limits: YamuxLimits = YamuxLimits()) throws { side = try Side.withPeerStream(.server, 1, limits: limits) }

    /// The peer sends `count` bytes, the application uses `used` of them; the credit that the peer gets for it.
    func pass(_ count: Int, used: Int? = nil, stream: UInt32 = 1) throws -> Int {
        try side.receive(Raw.header(0, 0, stream, UInt32(count)) + [UInt8](repeating: 0, count: count))
        _ = side.allEvents()
        side.consumed(stream, used ?? count)
        window -= count
        let written = side.written()
        guard !written.isEmpty else { return 0 }
        #expect(written.count == 12 && written[1] == 1)
        let credit = written[8...].reduce(0) { $0 << 8 | Int($1) }
        window += credit
        return credit
    }
}

struct WindowTests {
    @Test func moreThanTheWindowEndsTheConnection() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.data(1, [UInt8](repeating: 0, count: smallest)))
        #expect(throws: YamuxError.windowExceeded(stream: 1)) { try server.receive(Raw.data(1, [0])) }
    }

    @Test func aFrameLargerThanTheWindowIsRefusedBeforeItsDataArrives() throws {
        let server = try Side.withPeerStream(.server, 1)
        #expect(throws: YamuxError.windowExceeded(stream: 1)) { try server.receive(Raw.header(0, 0, 1, 0xFFFF_FFFF)) }
    }

    @Test func creditTravelsInLumpsOfHalfAWindow() throws {
        let bulk = try BulkPeer()
        #expect(try bulk.pass(smallest / 2 - 1) == 0)
        #expect(try bulk.pass(1) == smallest / 2)
        #expect(try bulk.pass(smallest) == smallest)
    }

    @Test func bytesThatTheApplicationHoldsAreNotCredited() throws {
        let bulk = try BulkPeer()
        #expect(try bulk.pass(smallest, used: smallest / 2 - 1) == 0)
        #expect(try bulk.pass(0, used: 1) == smallest / 2)
    }

    @Test func creditForMoreThanArrivedIsNotGiven() throws {
        let bulk = try BulkPeer()
        #expect(try bulk.pass(smallest / 2, used: .max) == smallest / 2)
        #expect(try bulk.pass(0, used: .max) == 0)
        #expect(try bulk.pass(0, used: -1) == 0)
    }

    @Test func aWindowOfMoreThan32BitsEndsTheConnection() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.window(1, .max - UInt32(smallest)))
        #expect(throws: YamuxError.windowOverflow(stream: 1)) { try server.receive(Raw.window(1, 1)) }
    }

    @Test(arguments: [0, 1, 100_000, 5 << 20])
    func aWindowOfAnySizeIsUsedInFullAndNoFurther(_ extra: Int) throws {
        let (client, stream) = try Side.withOwnStream(.client)
        try client.receive(Raw.window(stream, UInt32(extra)))
        #expect(client.sendAll(stream, 100 << 20) == smallest + extra)
        try client.receive(Raw.window(stream, 3))
        #expect(client.allEvents() == [.writable(stream)])
        #expect(client.sendAll(stream, 10) == 3)
    }

    @Test func aStreamWhoseReaderStopsHoldsUpNoOtherStream() throws {
        let bulk = try BulkPeer()
        try bulk.side.receive(Raw.window(3, 0, Flag.syn))
        _ = bulk.side.written()
        #expect(try bulk.pass(smallest, used: 0) == 0)
        for _ in 0..<100 { #expect(try bulk.pass(smallest, stream: 3) == smallest) }
    }

    @Test func aStreamWhosePeerStopsReadingHoldsUpNoOtherStream() throws {
        let (client, stopped) = try Side.withOwnStream(.client)
        #expect(client.sendAll(stopped, 1 << 20) == smallest)
        let other = try client.open()
        for _ in 0..<100 {
            #expect(client.sendAll(other, smallest) == smallest)
            try client.receive(Raw.window(other, UInt32(smallest)))
        }
        #expect(client.send(stopped, [1]) == 0)
        try client.receive(Raw.window(stopped, UInt32(smallest)))
        #expect(client.sendAll(stopped, 1 << 20) == smallest)
    }
}

/// Windows that grow and shrink.
struct WindowSizeTests {
    /// 10 ms there and back.
    private static let path: UInt64 = 10_000

    @Test func aWindowThatIsUsedUpWithinFourRoundTripsDoublesUntilTheLimit() throws {
        var limits = YamuxLimits()
        limits.maximumStreamWindow = 1 << 20
        let bulk = try BulkPeer(limits: limits)
        bulk.side.yamux.roundTrip = Self.path
        var now: UInt64 = 0
        for _ in 0..<20 {
            bulk.side.yamux.advance(to: now)
            _ = try bulk.pass(bulk.window / 2)
            now += Self.path
        }
        #expect(bulk.window == 1 << 20)
        #expect(bulk.side.yamux.extraWindowInUse == (1 << 20) - smallest)
        // The larger window is really the peer's.
        _ = try bulk.pass(1 << 20, used: 0)
    }

    @Test func aWindowThatIsLargeEnoughDoesNotGrow() throws {
        let bulk = try BulkPeer()
        bulk.side.yamux.roundTrip = Self.path
        bulk.side.yamux.advance(to: 0)
        #expect(try bulk.pass(smallest / 2 - 1) == 0)
        for step in 1..<20 {
            bulk.side.yamux.advance(to: UInt64(step) * (2 * Self.path + 1))
            #expect(try bulk.pass(step == 1 ? 1 : smallest / 2) == smallest / 2)
        }
    }

    @Test func anApplicationThatReadsSlowlyDoesNotGetALargerWindow() throws {
        let bulk = try BulkPeer()
        bulk.side.yamux.roundTrip = Self.path
        bulk.side.yamux.advance(to: 1)
        #expect(try bulk.pass(smallest, used: 0) == 0)
        bulk.side.yamux.advance(to: 1 + 3 * Self.path)
        #expect(try bulk.pass(0, used: smallest) == smallest)
        #expect(bulk.window == smallest)
    }

    @Test(arguments: [true, false])
    func withoutTheTimeOrTheRoundTripNothingGrows(_ hasTime: Bool) throws {
        let bulk = try BulkPeer()
        if hasTime { bulk.side.yamux.advance(to: 5) } else { bulk.side.yamux.roundTrip = Self.path }
        for _ in 0..<10 { #expect(try bulk.pass(smallest) == smallest) }
        #expect(bulk.window == smallest)
    }

    @Test func allWindowsTogetherGrowOnlyAsFarAsTheBudget() throws {
        var limits = YamuxLimits()
        limits.maximumExtraWindow = 1 << 20
        let bulk = try BulkPeer(limits: limits)
        bulk.side.yamux.roundTrip = Self.path
        for stream: UInt32 in [3, 5, 7] { try bulk.side.receive(Raw.window(stream, 0, Flag.syn)) }
        _ = bulk.side.written()
        bulk.side.yamux.advance(to: 1)
        for _ in 0..<10 { for stream: UInt32 in [1, 3, 5, 7] { _ = try bulk.pass(smallest, stream: stream) } }
        let inUse = bulk.side.yamux.extraWindowInUse
        #expect(inUse > 0 && inUse <= 1 << 20)
        for stream: UInt32 in [1, 3, 5, 7] { bulk.side.reset(stream) }
        #expect(bulk.side.yamux.extraWindowInUse == 0)
    }

    @Test func whenMemoryIsShortWindowsGoBackToTheSmallest() throws {
        let bulk = try BulkPeer()
        bulk.side.yamux.roundTrip = Self.path
        bulk.side.yamux.advance(to: 1)
        for _ in 0..<10 { _ = try bulk.pass(bulk.window / 2) }
        #expect(bulk.window == 4 << 20)

        bulk.side.yamux.limitExtraWindow(to: 0)
        // What was promised holds, and more is not promised until half the smallest window is left.
        var credit = 0
        while credit == 0, bulk.window > 0 { credit = try bulk.pass(min(64 * kibibyte, bulk.window - smallest / 2)) }
        #expect(credit == smallest / 2)
        #expect(bulk.window == smallest)
        #expect(bulk.side.yamux.extraWindowInUse == 0)
        for _ in 0..<10 { #expect(try bulk.pass(smallest) == smallest) }

        bulk.side.yamux.limitExtraWindow(to: .max)
        #expect(try bulk.pass(smallest) == 2 * smallest)
    }

    @Test func aBudgetThatIsNotExceededChangesNoWindow() throws {
        let bulk = try BulkPeer()
        bulk.side.yamux.roundTrip = Self.path
        bulk.side.yamux.advance(to: 1)
        _ = try bulk.pass(smallest)
        bulk.side.yamux.limitExtraWindow(to: smallest)
        #expect(bulk.window == 2 * smallest)
        #expect(try bulk.pass(2 * smallest) == 2 * smallest)
    }
}
