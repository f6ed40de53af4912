/// Events in order. Taking from the front costs the same however many there are.
struct EventQueue: Sendable {
    private var events: [YamuxEvent] = []
    private var position = 0
    /// The last event, when it is data: more of the same stream may still be added to it.
    private var last: (stream: UInt32, bytes: [UInt8])?

    /// Pieces up to this many bytes are joined, so that a peer which sends bytes one by one makes us hold bytes and not events.
    private static let smallPiece = 4 << 10
    private static let largestJoined = 64 << 10

    var isEmpty: Bool { position == events.count && last == nil }

    mutating func append(_ event: YamuxEvent) {
        closeLast()
        events.append(event)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer, of stream: UInt32) {
        if let last, last.stream == stream, bytes.count <= EventQueue.smallPiece,
            last.bytes.count + bytes.count <= EventQueue.largestJoined
        {
            self.last?.bytes.append(contentsOf: bytes)
        } else {
            closeLast()
            last = (stream, Array(bytes))
        }
    }

    private mutating func closeLast() {
        if let last { events.append(.data(last.stream, last.bytes)) }
        last = nil
    }

    mutating func next() -> YamuxEvent? {
        guard position < events.count else {
            if position > 0 {
                events.removeAll(keepingCapacity: events.capacity <= 64)
                position = 0
            }
            guard let last else { return nil }
            self.last = nil
            return .data(last.stream, last.bytes)
        }
        let event = events[position]
        // The bytes are the taker's alone.
        events[position] = .finished(0)
        position += 1
        return event
    }
}
