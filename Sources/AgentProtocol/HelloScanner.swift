/// Finds a hello among other bytes. On a transport without an end-of-file between its connections, a new connection's hello
/// can begin in the middle of anything: of an abandoned frame's header, of its data, of an abandoned hello.
///
/// Data may look like a hello, too. What tells them apart is a secret in the hello's first field: the guest's token, or the
/// nonce of this very connection. A value without I/O.
public struct HelloScanner: Sendable {
    /// The first field of the hello that is looked for, as it is on the wire.
    private let firstField: [UInt8]
    /// The bytes from the first place on where a hello may have begun. Never more than a hello has.
    private var held: [UInt8] = []
    /// How many of `held` were handed on all the same, by `release`.
    private var released = 0

    /// Looks for an agent's hello. The token is not empty.
    public init(token: [UInt8]) { self.init(Hello.Tag.token, token) }

    /// Looks for a proxy's answer to the hello that had this nonce, which is not empty.
    public init(nonce: [UInt8]) { self.init(Hello.Tag.nonce, nonce) }

    /// Looks for a proxy's request for a hello. It has no secret: it may be data, and only be taken for a hint.
    public static var forRequests: HelloScanner { HelloScanner(Hello.Tag.request, []) }

    private init(_ tag: UInt8, _ value: [UInt8]) {
        var writer = ByteWriter()
        writer.writeField(tag, value)
        firstField = writer.bytes
    }

    /// How many bytes are held back until more arrive.
    public var heldCount: Int { held.count - released }

    /// Takes bytes that arrived.
    ///
    /// - Parameter handOn: gets, in order, the bytes that are no part of a hello.
    /// - Returns: a hello, and how many of `bytes` are used up by it and by what was before it: scan the others anew. Nil
    ///   when all are used up.
    public mutating func scan(
        _ bytes: UnsafeRawBufferPointer, handOn: (UnsafeRawBufferPointer) -> Void
    ) -> (hello: Hello, used: Int)? {
        let work: [UInt8]
        let skipped: Int
        if held.isEmpty {
            guard let first = HelloScanner.firstCandidate(in: bytes, from: 0) else {
                if !bytes.isEmpty { handOn(bytes) }
                return nil
            }
            if first > 0 { handOn(UnsafeRawBufferPointer(rebasing: bytes[..<first])) }
            (work, skipped) = (Array(bytes[first...]), first)
        } else {
            (work, skipped) = (held + bytes, -held.count)
        }
        guard let (hello, start, length) = search(work, handOn) else { return nil }
        HelloScanner.hand(work, released, start, to: handOn)
        reset()
        return (hello, skipped + start + length)
    }

    /// Hands on what is held, because nothing more has come. A hello whose rest comes later is still found.
    public mutating func release(handOn: (UnsafeRawBufferPointer) -> Void) {
        HelloScanner.hand(held, released, held.count, to: handOn)
        released = held.count
    }

    /// Forgets what is held.
    public mutating func reset() { (held, released) = ([], 0) }

    /// The first whole hello in `work`; without one, holds what may become one and hands on the bytes before it.
    private mutating func search(
        _ work: [UInt8], _ handOn: (UnsafeRawBufferPointer) -> Void
    ) -> (hello: Hello, start: Int, length: Int)? {
        var incomplete: Int?
        var position = 0
        while let start = work.withUnsafeBytes({ HelloScanner.firstCandidate(in: $0, from: position) }) {
            switch reading(work[start...]) {
            case .hello(let hello, let length): return (hello, start, length)
            // What looks like a beginning may still be data, and the true hello behind it.
            case .incomplete: incomplete = incomplete ?? start
            case .other: break
            }
            position = start + 1
        }
        let end = incomplete ?? work.count
        HelloScanner.hand(work, released, end, to: handOn)
        released = max(released - end, 0)
        held = Array(work[end...])
        return nil
    }

    private enum Reading { case hello(Hello, Int), incomplete, other }

    private func reading(_ bytes: ArraySlice<UInt8>) -> Reading {
        guard zip(bytes.dropFirst(Hello.headerLength), firstField).allSatisfy({ $0 == $1 }) else { return .other }
        do throws(ProtocolError) {
            guard let (hello, length) = try Hello.decode(bytes) else { return .incomplete }
            // The fields may end before the first one that is wanted does.
            return length >= Hello.headerLength + firstField.count ? .hello(hello, length) : .other
        } catch { return .other }
    }

    private static func hand(_ bytes: [UInt8], _ start: Int, _ end: Int, to handOn: (UnsafeRawBufferPointer) -> Void) {
        guard start < end else { return }
        bytes.withUnsafeBytes { handOn(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }

    /// The first place at or after `from` where the magic is, or where the bytes end inside it.
    ///
    /// Every byte of a link comes through here. So the last byte of each place is looked at first (Horspool, "Practical
    /// fast searching in strings", 1980): most bytes are not in the magic at all, and eight places are passed over at once.
    static func firstCandidate(in bytes: UnsafeRawBufferPointer, from: Int) -> Int? {
        var place = from
        while place + 8 <= bytes.count {
            switch bytes[place + 7] {
            case 0x0A:
                if beginsMagic(bytes, place) { return place }
                place += 2
            case 0x1A: place += 1
            case 0x0D: place += 3
            case 0x41: place += 4
            case 0x4D: place += 5
            case 0x56: place += 6
            case 0x89: place += 7
            default: place += 8
            }
        }
        while place < bytes.count {
            if beginsMagic(bytes, place) { return place }
            place += 1
        }
        return nil
    }

    private static func beginsMagic(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Bool {
        for (offset, expected) in Hello.magic.enumerated() {
            guard place + offset < bytes.count else { return true }
            guard bytes[place + offset] == expected else { return false }
        }
        return true
    }
}
