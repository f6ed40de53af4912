internal import AgentProtocol

/// Bytes on their way to a descriptor that does not take them all at once. They wait in the pieces in which they came, and so are
/// not copied; only small pieces are joined, because each costs more than its bytes.
struct ByteQueue {
    private var pieces: [ArraySlice<UInt8>] = []
    /// The first piece that is not taken.
    private var first = 0
    private(set) var count = 0

    private static let smallPiece = 4 << 10

    var isEmpty: Bool { count == 0 }

    /// Adds bytes at the end.
    mutating func append(_ more: ArraySlice<UInt8>) {
        guard !more.isEmpty else { return }
        count += more.count
        guard let last = pieces.last, last.count + more.count <= ByteQueue.smallPiece else { return pieces.append(more) }
        var joined: [UInt8] = []
        joined.reserveCapacity(ByteQueue.smallPiece)
        last.withUnsafeBytes { joined.append(copying: $0) }
        more.withUnsafeBytes { joined.append(copying: $0) }
        pieces[pieces.count - 1] = joined[...]
    }

    mutating func append(_ more: [UInt8]) { append(more[...]) }

    /// Lets `body` take from the front piece; it returns how many bytes it took.
    mutating func take(_ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        guard !isEmpty else { return 0 }
        let taken = pieces[first].withUnsafeBytes { body($0) }
        count -= taken
        if taken < pieces[first].count {
            pieces[first] = pieces[first].dropFirst(taken)
        } else {
            pieces[first] = []
            first += 1
        }
        if isEmpty { removeAll() } else if first == 64 { dropTaken() }
        return taken
    }

    private mutating func dropTaken() {
        pieces.removeFirst(first)
        first = 0
    }

    mutating func removeAll() { (pieces, first, count) = ([], 0, 0) }
}
