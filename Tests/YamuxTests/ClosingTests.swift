import Testing

@testable import Yamux

struct ClosingTests {
    @Test func afterOurFinishTheOtherDirectionGoesOn() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        client.finish(stream)
        #expect(client.send(stream, [1]) == 0)
        #expect(client.capacity(stream) == 0)
        try client.receive(Raw.data(stream, [1, 2]) + Raw.data(stream, [3], Flag.fin))
        #expect(client.allEvents() == [.data(stream, [1, 2, 3]), .finished(stream)])
        #expect(client.streamCount == 0)
    }

    @Test func afterThePeersFinishTheOtherDirectionGoesOn() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.window(1, 0, Flag.fin))
        #expect(server.allEvents() == [.finished(1)])
        #expect(server.send(1, [1, 2]) == 2)
        // Credit still comes after FIN.
        try server.receive(Raw.window(1, 1000))
        server.finish(1)
        #expect(server.written() == Raw.data(1, [1, 2]) + Raw.window(1, 0, Flag.fin))
        #expect(server.streamCount == 0)
    }

    @Test func finishIsSentAfterTheDataBeforeIt() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        _ = client.send(stream, [UInt8](repeating: 1, count: 60_000))
        client.finish(stream)
        #expect(client.written().suffix(12) == Raw.window(stream, 0, Flag.fin)[...])
    }

    @Test func finishingTwiceIsSaidOnce() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        client.finish(stream)
        client.finish(stream)
        #expect(client.written() == Raw.window(stream, 0, Flag.fin))
    }

    @Test func thePeersSecondFinishSaysNothing() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.window(1, 0, Flag.fin) + Raw.window(1, 0, Flag.fin))
        #expect(server.allEvents() == [.finished(1)])
    }

    @Test func dataAfterTheEndEndsTheConnection() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.window(1, 0, Flag.fin))
        #expect(throws: YamuxError.dataAfterFinish(stream: 1)) { try server.receive(Raw.data(1, [1])) }
    }

    @Test func aStreamThatWasFinishedBeforeItsAcknowledgementStillReceives() throws {
        let client = Side(.client)
        let stream = try client.open()
        client.finish(stream)
        #expect(client.written() == Raw.window(stream, 0, Flag.syn) + Raw.window(stream, 0, Flag.fin))
        try client.receive(Raw.window(stream, 0, Flag.ack) + Raw.data(stream, [1], Flag.fin))
        #expect(client.allEvents() == [.data(stream, [1]), .finished(stream)])
        #expect(client.streamCount == 0)
    }

    @Test func aRefusedStreamIsForgotten() throws {
        let client = Side(.client)
        let stream = try client.open()
        _ = client.send(stream, [1])
        _ = client.written()
        try client.receive(Raw.window(stream, 0, Flag.rst))
        #expect(client.allEvents() == [.reset(stream)])
        #expect(client.streamCount == 0)
        #expect(client.send(stream, [1]) == 0)
        client.finish(stream)
        client.reset(stream)
        #expect(client.outputCount == 0)
    }

    @Test(arguments: [false, true], [false, true])
    func aResetEndsHalfClosedStreamsToo(_ weFinished: Bool, _ peerFinished: Bool) throws {
        let server = try Side.withPeerStream(.server, 1)
        if weFinished { server.finish(1) }
        if peerFinished { try server.receive(Raw.window(1, 0, Flag.fin)) }
        if weFinished && peerFinished { return #expect(server.streamCount == 0) }
        try server.receive(Raw.window(1, 0, Flag.rst))
        #expect(server.allEvents().last == .reset(1))
        #expect(server.streamCount == 0)
    }

    @Test func aResetMayCarryDataWhichIsPassedOver() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.data(1, [1, 2, 3], Flag.rst) + Raw.ping(1, Flag.syn))
        #expect(server.allEvents() == [.reset(1)])
        #expect(server.written() == Raw.ping(1, Flag.ack))
    }

    @Test func framesThatWereOnTheirWayWhenWeResetAreIgnored() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        client.reset(stream)
        #expect(client.written() == Raw.window(stream, 0, Flag.rst))
        let late =
            Raw.data(stream, [1, 2]) + Raw.window(stream, 100) + Raw.data(stream, [], Flag.fin) + Raw.window(stream, 0, Flag.rst)
        try client.receive(late + Raw.ping(3, Flag.syn))
        #expect(client.allEvents().isEmpty)
        #expect(client.written() == Raw.ping(3, Flag.ack))
    }

    @Test func framesThatWereOnTheirWayWhenBothHadFinishedAreIgnored() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.data(1, [1], Flag.fin))
        server.finish(1)
        _ = server.written()
        _ = server.allEvents()
        try server.receive(Raw.window(1, 4096))
        #expect(server.allEvents().isEmpty)
        // The owner may still give credit for what it held.
        server.consumed(1, 1)
        #expect(server.outputCount == 0)
    }

    @Test func dataOfAFrameThatWasCutByOurResetIsPassedOver() throws {
        let server = try Side.withPeerStream(.server, 1)
        let frame = Raw.data(1, Array(0..<100))
        try server.receive(Array(frame[..<50]))
        server.reset(1)
        _ = server.allEvents()
        _ = server.written()
        try server.receive(Array(frame[50...]) + Raw.ping(1, Flag.syn))
        #expect(server.allEvents().isEmpty)
        #expect(server.written() == Raw.ping(1, Flag.ack))
    }
}
