/// Bytes on their way to a descriptor that does not take them all at once.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var position = 0

    var count: Int { bytes.count - position }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: some Collection<UInt8>) {
        if position == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            position = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Lets `body` take from the front; it returns how many bytes it took.
    mutating func take(_ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        let taken = bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[position...])) }
        position += taken
        if position > 128 << 10 {
            bytes.removeFirst(position)
            position = 0
        }
        return taken
    }

    mutating func removeAll() { (bytes, position) = ([], 0) }
}
