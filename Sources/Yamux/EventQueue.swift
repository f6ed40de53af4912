/// Events in order. Taking from the front costs the same however many there are.
struct EventQueue: Sendable {
    private var events: [YamuxEvent] = []
    private var position = 0
    /// The last event's stream, when it is data: more of the same stream may still be added to `lastBytes`.
    private var lastStream: UInt32?
    private var lastBytes: [UInt8] = []

    /// Pieces up to this many bytes are joined, so that a peer which sends bytes one by one makes us hold bytes and not events.
    private static let smallPiece = 4 << 10
    private static let largestJoined = 64 << 10

    var isEmpty: Bool { position == events.count && lastStream == nil }

    mutating func append(_ event: YamuxEvent) {
        closeLast()
        events.append(event)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer, of stream: UInt32) {
        if lastStream == stream, bytes.count <= EventQueue.smallPiece, lastBytes.count + bytes.count <= EventQueue.largestJoined {
            makeRoom(lastBytes.count + bytes.count)
            lastBytes.append(contentsOf: bytes)
        } else {
            closeLast()
            (lastStream, lastBytes) = (stream, Array(bytes))
        }
    }

    /// An array that grows by itself moves its elements one by one in Embedded Swift; here they are bytes, moved at once.
    private mutating func makeRoom(_ needed: Int) {
        guard lastBytes.capacity < needed else { return }
        lastBytes = [UInt8](unsafeUninitializedCapacity: min(4 * needed, EventQueue.largestJoined)) { buffer, count in
            lastBytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
            count = lastBytes.count
        }
    }

    private mutating func closeLast() {
        if let last = takeLast() { events.append(last) }
    }

    private mutating func takeLast() -> YamuxEvent? {
        guard let stream = lastStream else { return nil }
        var bytes: [UInt8] = []
        swap(&bytes, &lastBytes)
        lastStream = nil
        return .data(stream, bytes)
    }

    mutating func next() -> YamuxEvent? {
        guard position < events.count else {
            if position > 0 {
                events.removeAll(keepingCapacity: events.capacity <= 64)
                position = 0
            }
            return takeLast()
        }
        let event = events[position]
        // The bytes are the taker's alone.
        events[position] = .finished(0)
        position += 1
        return event
    }
}
