import Testing

@testable import Yamux

struct OpeningTests {
    @Test func aWindowUpdateThatOpensAStreamMayCarryALargerWindow() throws {
        let server = Side(.server)
        try server.receive(Raw.window(1, 768 << 10, Flag.syn))
        #expect(server.sendAll(1, 2 << 20) == 1 << 20)
    }

    @Test func anAcknowledgementMayCarryALargerWindow() throws {
        let client = Side(.client)
        let stream = try client.open()
        try client.receive(Raw.window(stream, 256 << 10, Flag.ack))
        #expect(client.sendAll(stream, 2 << 20) == 512 << 10)
    }

    @Test func dataCanBeSentBeforeTheAcknowledgement() throws {
        let client = Side(.client)
        let stream = try client.open()
        #expect(client.send(stream, [1, 2, 3]) == 3)
        #expect(client.written() == Raw.window(stream, 0, Flag.syn) + Raw.data(stream, [1, 2, 3]))
    }

    @Test(arguments: [UInt32(0), 2])
    func aStreamThatIsNotThePeersToOpenEndsTheConnection(_ stream: UInt32) throws {
        let server = Side(.server)
        #expect(throws: YamuxError.badStream(stream)) { try server.receive(Raw.window(stream, 0, Flag.syn)) }
    }

    @Test func aStreamCannotBeOpenedTwice() throws {
        let server = try Side.withPeerStream(.server, 5)
        #expect(throws: YamuxError.badStream(5)) { try server.receive(Raw.window(5, 0, Flag.syn)) }
    }

    @Test func theIdentifierOfAStreamThatIsOverCannotBeUsedAgain() throws {
        let server = try Side.withPeerStream(.server, 5)
        try server.receive(Raw.window(5, 0, Flag.rst))
        #expect(throws: YamuxError.badStream(5)) { try server.receive(Raw.window(5, 0, Flag.syn)) }
    }

    /// In the original, threads that open streams together may announce them in another order than they numbered them.
    @Test func streamsNeedNotBeOpenedInOrder() throws {
        let server = Side(.server)
        for stream: UInt32 in [5, 1, 301, 3, 299] { try server.receive(Raw.window(stream, 0, Flag.syn)) }
        #expect(server.allEvents() == [.opened(5), .opened(1), .opened(301), .opened(3), .opened(299)])
        #expect(throws: YamuxError.badStream(1)) { try server.receive(Raw.window(1, 0, Flag.syn)) }
    }

    @Test func identifiersFarBehindTheHighestCountAsUsed() {
        var identifiers = PeerIdentifiers()
        func insert(_ identifier: UInt32) -> Bool { identifiers.insert(identifier) }
        let far = 1 + 2 * PeerIdentifiers.reach
        #expect(insert(far))
        #expect(!insert(1))
        #expect(insert(3))
        #expect(!insert(3))
        #expect(insert(far + 10 * PeerIdentifiers.reach))
        #expect(identifiers.contains(far) && identifiers.contains(far - 2))
        #expect(!identifiers.contains(far + 10 * PeerIdentifiers.reach + 2))
        #expect(insert(far + 10 * PeerIdentifiers.reach - 2))
        #expect(insert(.max))
        #expect(!insert(.max))
    }

    @Test func streamsOverTheLimitAreResetAndTheOthersGoOn() throws {
        var limits = YamuxLimits()
        limits.maximumStreams = 2
        let server = Side(.server, limits: limits)
        try server.receive(Raw.window(1, 0, Flag.syn) + Raw.window(3, 0, Flag.syn) + Raw.data(5, [9, 9], Flag.syn) + Raw.data(1, [7]))
        #expect(server.allEvents() == [.opened(1), .opened(3), .data(1, [7])])
        #expect(server.written() == Raw.window(1, 0, Flag.ack) + Raw.window(3, 0, Flag.ack) + Raw.window(5, 0, Flag.rst))
        // What the peer sent before it knew is passed over.
        try server.receive(Raw.data(5, [9, 9, 9], Flag.fin) + Raw.data(3, [8]))
        #expect(server.allEvents() == [.data(3, [8])])
    }

    @Test func theLimitOfOurStreamsDoesNotDependOnThePeers() throws {
        var limits = YamuxLimits()
        limits.maximumStreams = 1
        let server = try Side.withPeerStream(.server, 1, limits: limits)
        let stream = try server.open()
        #expect(throws: YamuxError.tooManyStreams(1)) { try server.open() }
        server.reset(stream)
        #expect(try server.open() == 4)
    }

    /// The original resets streams beyond its backlog of 256.
    @Test func noMoreStreamsThanTheBacklogAreAnnouncedBeforeTheyAreAcknowledged() throws {
        var limits = YamuxLimits()
        limits.maximumUnacknowledged = 2
        let client = Side(.client, limits: limits)
        for expected: UInt32 in [1, 3, 5, 7, 9] {
            let stream = try client.open()
            #expect(stream == expected)
            #expect(client.send(stream, [UInt8(stream)]) == 1)
        }
        client.finish(5)
        client.reset(7)
        #expect(
            client.written() == Raw.window(1, 0, Flag.syn) + Raw.window(3, 0, Flag.syn) + Raw.data(1, [1]) + Raw.data(3, [3]))
        try client.receive(Raw.window(3, 0, Flag.ack))
        #expect(client.written() == Raw.window(5, 0, Flag.syn) + Raw.data(5, [5]) + Raw.window(5, 0, Flag.fin))
        // A refusal frees a place as well; the stream that was reset is never mentioned.
        try client.receive(Raw.window(1, 0, Flag.rst))
        #expect(client.written() == Raw.window(9, 0, Flag.syn) + Raw.data(9, [9]))
        #expect(client.allEvents() == [.reset(1)])
        #expect(client.streamCount == 3)
    }

    @Test func aStreamThatIsNotAnnouncedTakesItsFirstFlightAndWaitsWithTheRest() throws {
        var limits = YamuxLimits()
        limits.maximumUnacknowledged = 1
        let client = Side(.client, limits: limits)
        let first = try client.open()
        let second = try client.open()
        #expect(client.send(second, [UInt8](repeating: 1, count: 10_000)) == 4096)
        #expect(client.capacity(second) == 0)
        #expect(client.written() == Raw.window(first, 0, Flag.syn))
        #expect(client.allEvents().isEmpty)
        try client.receive(Raw.window(first, 0, Flag.ack))
        #expect(client.allEvents() == [.writable(second)])
        #expect(client.send(second, [UInt8](repeating: 1, count: 5904)) == 5904)
    }

    @Test func thePeerCannotNameAStreamThatItWasNotToldOf() throws {
        var limits = YamuxLimits()
        limits.maximumUnacknowledged = 1
        let client = Side(.client, limits: limits)
        _ = try client.open()
        let second = try client.open()
        #expect(throws: YamuxError.unknownStream(second)) { try client.receive(Raw.window(second, 0, Flag.ack)) }
    }

    @Test(arguments: [UInt32(0), 1, 2, 7])
    func aFrameForAStreamThatNobodyOpenedEndsTheConnection(_ stream: UInt32) throws {
        let server = Side(.server)
        #expect(throws: YamuxError.unknownStream(stream)) { try server.receive(Raw.window(stream, 1)) }
    }

    @Test(arguments: [YamuxConnection.Role.client, .server])
    func identifiersThatAreUsedUpAreNotUsedAgain(_ role: YamuxConnection.Role) throws {
        let side = Side(role)
        side.yamux.nextStream = role == .client ? UInt32.max - 4 : UInt32.max - 3
        let last = try side.open()
        #expect(last == (role == .client ? UInt32.max - 4 : UInt32.max - 3))
        #expect(throws: YamuxError.identifiersUsedUp) { try side.open() }
        #expect(throws: YamuxError.identifiersUsedUp) { try side.open() }
        try side.receive(Raw.window(last, 0, Flag.ack))
        #expect(side.send(last, [1]) == 1)
    }

    @Test func aPeerThatWentAwayGetsNoMoreStreamsAndOpenOnesGoOn() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        try client.receive(Raw.goAway(0) + Raw.data(stream, [1]))
        #expect(client.allEvents() == [.goAway(0), .data(stream, [1])])
        #expect(throws: YamuxError.goneAway) { try client.open() }
        #expect(client.send(stream, [2]) == 1)
    }

    @Test func whoWentAwayTakesNoMoreStreamsAndMayStillOpen() throws {
        let server = try Side.withPeerStream(.server, 1)
        server.goAway(0)
        _ = server.written()
        try server.receive(Raw.data(3, [1], Flag.syn) + Raw.data(1, [2]))
        #expect(server.allEvents() == [.data(1, [2])])
        #expect(server.written() == Raw.window(3, 0, Flag.rst))
        #expect(try server.open() == 2)
    }
}
