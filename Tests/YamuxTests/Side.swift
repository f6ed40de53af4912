import Yamux

/// Bytes written as in the specification's tables: `hex("00 01 0001 00000001 00000000")`.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

enum Flag {
    static let syn: UInt16 = 1
    static let ack: UInt16 = 2
    static let fin: UInt16 = 4
    static let rst: UInt16 = 8
}

/// Frames as a peer would write them, made here without the code under test.
enum Raw {
    static func header(_ type: UInt8, _ flags: UInt16, _ stream: UInt32, _ length: UInt32) -> [UInt8] {
        [0, type, UInt8(flags >> 8), UInt8(flags & 255)]
            + [stream, length].flatMap { word in
                [24, 16, 8, 0].map { UInt8(word >> $0 & 255) }
            }
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], _ flags: UInt16 = 0) -> [UInt8] {
        header(0, flags, stream, UInt32(bytes.count)) + bytes
    }

    static func window(_ stream: UInt32, _ increment: UInt32 = 0, _ flags: UInt16 = 0) -> [UInt8] { header(1, flags, stream, increment) }
    static func ping(_ value: UInt32, _ flags: UInt16) -> [UInt8] { header(2, flags, 0, value) }
    static func goAway(_ reason: UInt32) -> [UInt8] { header(3, 0, 0, reason) }
}

/// One side under test, by reference, so that expectations can call what changes it.
final class Side {
    var yamux: YamuxConnection

    init(_ role: YamuxConnection.Role, limits: YamuxLimits = YamuxLimits()) { yamux = YamuxConnection(role: role, limits: limits) }

    /// A side on which the peer has opened a stream.
    static func withPeerStream(
        _ role: YamuxConnection.Role, _ stream: UInt32, limits: YamuxLimits = YamuxLimits()
    ) throws -> Side {
        let side = Side(role, limits: limits)
        try side.receive(Raw.window(stream, 0, Flag.syn))
        _ = side.written()
        _ = side.allEvents()
        return side
    }

    /// A side that has opened a stream, which the peer acknowledged.
    static func withOwnStream(
        _ role: YamuxConnection.Role, limits: YamuxLimits = YamuxLimits()
    ) throws -> (side: Side, stream: UInt32) {
        let side = Side(role, limits: limits)
        let stream = try side.open()
        try side.receive(Raw.window(stream, 0, Flag.ack))
        _ = side.written()
        return (side, stream)
    }

    var streamCount: Int { yamux.streamCount }
    var outputCount: Int { yamux.outputCount }
    var hasEvents: Bool { yamux.hasEvents }

    func open() throws(YamuxError) -> UInt32 { try yamux.open() }
    func finish(_ stream: UInt32) { yamux.finish(stream) }
    func reset(_ stream: UInt32) { yamux.reset(stream) }
    func ping(_ value: UInt32) { yamux.ping(value) }
    func goAway(_ reason: UInt32) { yamux.goAway(reason) }
    func consumed(_ stream: UInt32, _ count: Int) { yamux.consumed(stream, count) }
    func capacity(_ stream: UInt32, wanted: Int = 1) -> Int { yamux.sendCapacity(stream, wanted: wanted) }
    func takeOutput() -> [UInt8] { yamux.takeOutput() }
    func nextEvent() -> YamuxEvent? { yamux.nextEvent() }
    func send(_ stream: UInt32, _ bytes: [UInt8]) -> Int { bytes.withUnsafeBytes { yamux.send(stream, $0) } }

    func receive(_ bytes: [UInt8]) throws(YamuxError) {
        let failure: YamuxError? = bytes.withUnsafeBytes { buffer in
            do throws(YamuxError) {
                // As the proxy gives bytes to it, or as the agent does.
                if buffer.count % 2 == 0 { try yamux.receive(buffer) } else { try yamux.receive(bytes[...]) }
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    /// All that waits to be written.
    func written() -> [UInt8] {
        var bytes: [UInt8] = []
        while yamux.outputCount > 0 { bytes += yamux.takeOutput() }
        return bytes
    }

    /// All events there are.
    func allEvents() -> [YamuxEvent] {
        var events: [YamuxEvent] = []
        while let event = yamux.nextEvent() { events.append(event) }
        return events
    }

    /// Sends as long as the stream takes bytes, and writes them out; the count.
    func sendAll(_ stream: UInt32, _ count: Int) -> Int {
        let bytes = [UInt8](repeating: 1, count: 16 << 10)
        var sent = 0
        while sent < count {
            _ = written()
            _ = allEvents()
            let taken = send(stream, Array(bytes[..<min(bytes.count, count - sent)]))
            if taken == 0 { break }
            sent += taken
        }
        _ = written()
        return sent
    }
}

/// A pseudorandom sequence that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
