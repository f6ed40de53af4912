import Testing

@testable import Yamux

/// Bytes that no proper peer sends: never a trap, never more memory than the limits.
struct HostileBytesTests {
    @Test(arguments: 0..<10)
    func randomFramesNeverTrap(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<200 {
            let victim = Victim(seed: random.next())
            for _ in 0..<200 where !victim.hasFailed { victim.receive(Self.frame(&random)) }
        }
    }

    @Test(arguments: 20..<24)
    func randomBytesNeverTrap(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<2000 {
            let victim = Victim(seed: random.next())
            victim.receive((0..<Int.random(in: 1...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    @Test(arguments: 1024..<1032)
    func validTrafficWithBytesChangedNeverTraps(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let traffic = Self.validTraffic(&random)
        for _ in 0..<60 {
            var changed = traffic
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: changed[place] = UInt8.random(in: 0...255, using: &random)
                case 1: changed[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                case 2: changed.remove(at: place)
                default: changed.insert(contentsOf: Self.frame(&random), at: place)
                }
            }
            let victim = Victim(seed: random.next())
            var rest = changed[...]
            while !rest.isEmpty, !victim.hasFailed {
                let piece = rest.prefix(Int.random(in: 1...5000, using: &random))
                victim.receive(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
        }
    }

    /// A frame that is nearly always well-formed and seldom sensible.
    private static func frame(_ random: inout SeededGenerator) -> [UInt8] {
        let type = UInt8.random(in: 0...(Int.random(in: 0..<50, using: &random) == 0 ? 5 : 3), using: &random)
        let flags: UInt16 =
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4: 0
            case 4..<6: Flag.syn
            case 6: Flag.fin
            case 7: Flag.rst
            case 8: Flag.ack
            default: UInt16.random(in: 0...31, using: &random)
            }
        let stream =
            Int.random(in: 0..<20, using: &random) == 0
            ? UInt32.random(in: 0 ... .max, using: &random) : UInt32.random(in: 0...40, using: &random)
        if type == 0 {
            let payload = [UInt8](repeating: 0xA5, count: Int.random(in: 0...2000, using: &random))
            return Raw.data(stream, payload, flags)
        }
        let length =
            Int.random(in: 0..<10, using: &random) == 0
            ? UInt32.random(in: 0 ... .max, using: &random) : UInt32.random(in: 0...9, using: &random)
        return Raw.header(type, flags, stream, length)
    }

    /// What a client writes that opens streams, sends and ends them.
    private static func validTraffic(_ random: inout SeededGenerator) -> [UInt8] {
        let client = Side(.client)
        var streams: [UInt32] = []
        var traffic: [UInt8] = []
        for _ in 0..<100 {
            if Int.random(in: 0..<4, using: &random) == 0, let stream = try? client.open() { streams.append(stream) }
            if let stream = streams.randomElement(using: &random) {
                _ = client.send(stream, [UInt8](repeating: 0x5A, count: Int.random(in: 0...3000, using: &random)))
                if Int.random(in: 0..<10, using: &random) == 0 { client.finish(stream) }
                if Int.random(in: 0..<20, using: &random) == 0 { client.reset(stream) }
            }
            client.ping(1)
            traffic += client.written()
        }
        return traffic
    }
}

/// A side with an application that does all that one may do, and watches its limits.
private final class Victim {
    private let side: Side
    private var random: SeededGenerator
    private var received = 0
    private var delivered = 0
    private(set) var hasFailed = false

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var limits = YamuxLimits()
        limits.maximumStreams = 10
        limits.maximumControlOutput = 4096
        limits.maximumUnacknowledged = 2
        side = Side(seed & 1 == 0 ? .server : .client, limits: limits)
        side.yamux.roundTrip = 100
    }

    func receive(_ bytes: [UInt8]) {
        side.yamux.advance(to: UInt64(received))
        received += bytes.count
        do { try side.receive(bytes) } catch { hasFailed = true }
        while let event = side.nextEvent() {
            if case .data(let stream, let bytes) = event {
                delivered += bytes.count
                if chance(70) { side.consumed(stream, chance(10) ? .max : bytes.count) }
            }
            if case .opened(let stream) = event, chance(60) { act(on: stream) }
            if case .writable(let stream) = event { act(on: stream) }
        }
        if chance(20), let stream = try? side.open() { act(on: stream) }
        if let stream = side.yamux.streams.keys.sorted().randomElement(using: &random) { act(on: stream) }
        #expect(delivered <= received)
        #expect(side.streamCount <= 20)
        // The output limit, the first flights, the control frames and the answers to one more piece.
        #expect(side.outputCount <= (64 << 10) + 40 * 5000 + 4096 + 2 * bytes.count)
        if chance(30) { _ = side.written() }
    }

    private func act(on stream: UInt32) {
        switch Int.random(in: 0..<8, using: &random) {
        case 0..<4: _ = side.send(stream, [UInt8](repeating: 1, count: Int.random(in: 0...100_000, using: &random)))
        case 4: side.finish(stream)
        case 5: side.reset(stream)
        case 6: _ = side.capacity(stream, wanted: Int.random(in: 0...100_000, using: &random))
        default: side.yamux.limitExtraWindow(to: Int.random(in: 0...(1 << 20), using: &random))
        }
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
}
