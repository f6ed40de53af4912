/// Streams of ours that the peer will be told of when it has acknowledged earlier ones, with the frames that were sent on
/// them so far: a first flight and perhaps a FIN.
struct UnannouncedStreams: Sendable {
    private var waiting: [(stream: UInt32, frames: [UInt8])] = []
    private var position = 0

    var isEmpty: Bool { position == waiting.count }

    mutating func append(_ stream: UInt32) { waiting.append((stream, [])) }

    /// Lets `body` add frames of `stream`, which is here.
    mutating func add(to stream: UInt32, _ body: (inout [UInt8]) -> Void) {
        // The one that is added to is nearly always the last.
        guard let index = waiting.lastIndex(where: { $0.stream == stream }) else { return }
        body(&waiting[index].frames)
    }

    mutating func remove(_ stream: UInt32) {
        if let index = waiting[position...].firstIndex(where: { $0.stream == stream }) { waiting.remove(at: index) }
    }

    mutating func next() -> (stream: UInt32, frames: [UInt8])? {
        guard position < waiting.count else { return nil }
        let next = waiting[position]
        waiting[position].frames = []
        position += 1
        if position == waiting.count || position > 256 {
            waiting.removeFirst(position)
            position = 0
        }
        return next
    }
}
