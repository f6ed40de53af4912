/// Streams that wait for room in the output, first come, first served. Streams that were forgotten meanwhile are passed over
/// by whoever takes from the front.
struct TurnQueue: Sendable {
    private var streams: [UInt32] = []
    private var position = 0

    var first: UInt32? { position < streams.count ? streams[position] : nil }
    var isEmpty: Bool { position == streams.count }

    mutating func append(_ stream: UInt32) {
        if position > 32, position > streams.count / 2 {
            streams.removeFirst(position)
            position = 0
        }
        streams.append(stream)
    }

    mutating func removeFirst() { position += 1 }

    /// Drops those that do not wait any more, when they may be the greater part.
    mutating func compact(live: Int, isWaiting: (UInt32) -> Bool) {
        guard streams.count - position > 2 * live + 64 else { return }
        var kept: [UInt32] = []
        for stream in streams[position...] where isWaiting(stream) { kept.append(stream) }
        (streams, position) = (kept, 0)
    }
}
