/// The last whole lines of a text that never ends, at most `capacity` bytes of them. Places in the text are counted from its
/// beginning, so that a reader who comes back learns how much it has missed.
public struct LineRing: Sendable {
    /// The most bytes that are kept.
    public let capacity: Int
    /// The place of the first byte that is kept.
    public private(set) var start = 0
    private var bytes: [UInt8] = []

    /// Makes an empty ring.
    public init(capacity: Int) { self.capacity = capacity }

    /// The place after the last byte.
    public var end: Int { start + bytes.count }

    /// Adds a line, which has no line feed; one that is longer than the ring is dropped.
    public mutating func append(_ line: some Collection<UInt8>) {
        let length = line.count + 1
        guard length <= capacity else { return }
        if bytes.count + length > capacity { drop(max(bytes.count + length - capacity, capacity / 8)) }
        bytes.append(contentsOf: line)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Drops at least `count` bytes: moving the rest is dear, so it is done seldom.
    private mutating func drop(_ count: Int) {
        guard count < bytes.count, let end = bytes[(count - 1)...].firstIndex(of: UInt8(ascii: "\n")) else {
            start += bytes.count
            bytes.removeAll(keepingCapacity: true)
            return
        }
        start += end + 1
        bytes.removeFirst(end + 1)
    }

    /// Whole lines of at most `limit` bytes from `place` on, or, where those are gone, from the first that are kept. A line that
    /// is longer than `limit` comes whole, too.
    public func read(from place: Int, limit: Int) -> (place: Int, bytes: ArraySlice<UInt8>) {
        let first = min(max(place, start), end)
        let rest = bytes[(first - start)...]
        let lineFeed = UInt8(ascii: "\n")
        guard rest.count > limit else { return (first, rest) }
        guard let last = rest.prefix(limit).lastIndex(of: lineFeed) ?? rest.firstIndex(of: lineFeed) else { return (first, rest) }
        return (first, rest[...last])
    }
}
