/// Events in order. Taking from the front costs the same however many there are.
struct EventQueue: Sendable {
    private var events: [YamuxEvent] = []
    private var position = 0
    /// The last event's stream, when it is data: more of the same stream may still be added to `lastBytes`.
    private var lastStream: UInt32?
    private var lastBytes: [UInt8] = []

    /// Pieces of a stream are joined up to this many bytes: the owner has fewer of them to handle, and a peer which sends bytes
    /// one by one makes us hold bytes and not events.
    private static let largestJoined = 64 << 10
    /// A piece of this many bytes that arrived in an array is handed on as a part of it, which keeps the whole array.
    var smallestShared = 16 << 10

    var isEmpty: Bool { position == events.count && lastStream == nil }

    mutating func append(_ event: YamuxEvent) {
        closeLast()
        events.append(event)
    }

    /// - Parameter following: how many bytes have arrived behind these, which may be the same stream's.
    mutating func append(_ bytes: UnsafeRawBufferPointer, of stream: UInt32, following: Int) {
        if lastStream != stream || lastBytes.count + bytes.count > EventQueue.largestJoined {
            closeLast()
            lastStream = stream
            makeRoom(max(bytes.count, min(bytes.count + following, 2 * bytes.count, EventQueue.largestJoined)))
        } else {
            let needed = lastBytes.count + bytes.count
            if lastBytes.capacity < needed { makeRoom(min(4 * needed, EventQueue.largestJoined)) }
        }
        lastBytes.append(contentsOf: bytes)
    }

    /// A piece that is handed on as it is.
    mutating func append(_ bytes: ArraySlice<UInt8>, of stream: UInt32) {
        closeLast()
        events.append(.data(stream, bytes))
    }

    /// An array that grows by itself moves its elements one by one in Embedded Swift; here they are bytes, moved at once.
    private mutating func makeRoom(_ capacity: Int) {
        lastBytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
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
        return .data(stream, bytes[...])
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
