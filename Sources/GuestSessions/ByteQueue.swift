internal import AgentProtocol

/// Bytes on their way to a descriptor that does not take them all at once.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var position = 0

    var count: Int { bytes.count - position }
    var isEmpty: Bool { count == 0 }

    /// Adds bytes at the end.
    mutating func append(_ more: ArraySlice<UInt8>) {
        more.withUnsafeBytes { bytes.append(copying: $0) }
    }

    /// Adds a whole array, without a copy when it is the first.
    mutating func append(_ more: [UInt8]) {
        if isEmpty { (bytes, position) = (more, 0) } else { append(more[...]) }
    }

    /// Lets `body` take from the front; it returns how many bytes it took.
    mutating func take(_ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        let taken = bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[position...])) }
        position += taken
        if isEmpty { removeAll() } else if position > 128 << 10 { (bytes, position) = (bytes.copy(from: position), 0) }
        return taken
    }

    mutating func removeAll() { (bytes, position) = ([], 0) }
}
