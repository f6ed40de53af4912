import Testing

@testable import Yamux

/// Each frame, byte by byte as https://github.com/hashicorp/yamux/blob/master/spec.md writes it:
/// version (1), type (1), flags (2), stream (4), length (4).
struct FrameTests {
    @Test func aClientOpensStreamsWithOddIdentifiers() throws {
        let client = Side(.client)
        #expect(try client.open() == 1)
        #expect(try client.open() == 3)
        #expect(client.written() == hex("00 01 0001 00000001 00000000" + "00 01 0001 00000003 00000000"))
    }

    @Test func aServerOpensStreamsWithEvenIdentifiers() throws {
        let server = Side(.server)
        #expect(try server.open() == 2)
        #expect(try server.open() == 4)
        #expect(server.written() == hex("00 01 0001 00000002 00000000" + "00 01 0001 00000004 00000000"))
    }

    @Test func aStreamOfThePeerIsAcknowledgedOnce() throws {
        let server = Side(.server)
        try server.receive(hex("00 01 0001 00000001 00000000"))
        #expect(server.allEvents() == [.opened(1)])
        #expect(server.written() == hex("00 01 0002 00000001 00000000"))
        try server.receive(hex("00 00 0000 00000001 00000002 6869"))
        #expect(server.allEvents() == [.data(1, [0x68, 0x69])])
        #expect(server.outputCount == 0)
    }

    @Test func aStreamMayBeOpenedByItsFirstDataAndEndWithIt() throws {
        let server = Side(.server)
        try server.receive(hex("00 00 0005 00000001 00000002 6869"))
        #expect(server.allEvents() == [.opened(1), .data(1, [0x68, 0x69]), .finished(1)])
        #expect(server.written() == hex("00 01 0002 00000001 00000000"))
    }

    @Test func dataIsSentWithItsLength() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        #expect(client.send(stream, Array("hello".utf8)) == 5)
        #expect(client.written() == hex("00 00 0000 00000001 00000005 68656C6C6F"))
    }

    @Test func dataIsCutIntoFramesOfTheLimit() throws {
        var limits = YamuxLimits()
        limits.maximumFrame = 2
        let (client, stream) = try Side.withOwnStream(.client, limits: limits)
        #expect(client.send(stream, Array("abcde".utf8)) == 5)
        let frames = "00 00 0000 00000001 00000002 6162" + "00 00 0000 00000001 00000002 6364" + "00 00 0000 00000001 00000001 65"
        #expect(client.written() == hex(frames))
    }

    @Test func finishAndResetAreWindowUpdatesWithTheirFlag() throws {
        let (client, stream) = try Side.withOwnStream(.client)
        client.finish(stream)
        #expect(client.written() == hex("00 01 0004 00000001 00000000"))
        client.reset(stream)
        #expect(client.written() == hex("00 01 0008 00000001 00000000"))
    }

    @Test func aPingIsAnsweredWithItsValue() throws {
        let side = Side(.server)
        try side.receive(hex("00 02 0001 00000000 DEADBEEF"))
        #expect(side.written() == hex("00 02 0002 00000000 DEADBEEF"))
        #expect(side.allEvents().isEmpty)
        side.ping(0x0102_0304)
        #expect(side.written() == hex("00 02 0001 00000000 01020304"))
        try side.receive(hex("00 02 0002 00000000 01020304"))
        #expect(side.allEvents() == [.pong(0x0102_0304)])
    }

    @Test(arguments: [UInt32(0), 1, 2])
    func goAwayCarriesItsReason(_ reason: UInt32) throws {
        let side = Side(.client)
        side.goAway(reason)
        #expect(side.written() == hex("00 03 0000 00000000 0000000\(reason)"))
        try side.receive(hex("00 03 0000 00000000 0000000\(reason)"))
        #expect(side.allEvents() == [.goAway(reason)])
    }

    @Test func creditIsAWindowUpdateWithoutFlags() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive(Raw.data(1, [UInt8](repeating: 7, count: 128 << 10)))
        server.consumed(1, 128 << 10)
        #expect(server.written() == hex("00 01 0000 00000001 00020000"))
    }

    @Test func anotherVersionEndsTheConnection() throws {
        let side = Side(.server)
        #expect(throws: YamuxError.badVersion(1)) { try side.receive(hex("01 00 0000 00000001 00000000")) }
        #expect(side.written() == hex("00 03 0000 00000000 00000001"))
    }

    @Test func anUnknownTypeEndsTheConnection() throws {
        let side = Side(.server)
        #expect(throws: YamuxError.badType(4)) { try side.receive(hex("00 04 0000 00000000 00000000")) }
    }

    @Test func afterAViolationNothingIsTakenOrSent() throws {
        let (side, stream) = try Side.withOwnStream(.client)
        #expect(throws: YamuxError.badType(9)) { try side.receive(hex("00 09 0000 00000000 00000000")) }
        _ = side.written()
        #expect(throws: YamuxError.badType(9)) { try side.receive(Raw.ping(1, Flag.syn)) }
        #expect(throws: YamuxError.goneAway) { try side.open() }
        #expect(side.send(stream, [1]) == 0)
        #expect(side.capacity(stream) == 0)
        side.finish(stream)
        side.reset(stream)
        side.ping(1)
        side.goAway(0)
        side.consumed(stream, 1)
        #expect(side.outputCount == 0)
        #expect(side.nextEvent() == nil)
    }

    @Test func framesMayArriveInPiecesOfAnySize() throws {
        let traffic =
            Raw.window(1, 0, Flag.syn) + Raw.data(1, Array("first".utf8)) + Raw.ping(9, Flag.syn)
            + Raw.data(3, Array("second".utf8), Flag.syn)
            + Raw.data(1, Array("third".utf8), Flag.fin)
        for size in 1...traffic.count {
            let server = Side(.server)
            var texts: [UInt32: [UInt8]] = [:]
            var others: [YamuxEvent] = []
            for start in stride(from: 0, to: traffic.count, by: size) {
                try server.receive(Array(traffic[start..<min(start + size, traffic.count)]))
                for event in server.allEvents() {
                    if case .data(let stream, let bytes) = event { texts[stream, default: []] += bytes } else { others.append(event) }
                }
            }
            #expect(texts == [1: Array("firstthird".utf8), 3: Array("second".utf8)])
            #expect(others == [.opened(1), .opened(3), .finished(1)])
        }
    }

    @Test func bytesThatArriveOneByOneAreOneEvent() throws {
        let server = try Side.withPeerStream(.server, 1)
        try server.receive((0..<100).flatMap { Raw.data(1, [UInt8($0)]) })
        #expect(server.allEvents() == [.data(1, ArraySlice(0..<100))])
    }
}
