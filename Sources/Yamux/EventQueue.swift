/// Events in order. Taking from the front costs the same however many there are.
struct EventQueue: Sendable {
    private var events: [YamuxEvent] = []
    private var position = 0

    mutating func append(_ event: YamuxEvent) { events.append(event) }

    mutating func next() -> YamuxEvent? {
        guard position < events.count else {
            if position > 0 {
                events.removeAll(keepingCapacity: events.capacity <= 64)
                position = 0
            }
            return nil
        }
        defer { position += 1 }
        return events[position]
    }
}
