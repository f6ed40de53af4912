internal import AgentProtocol

/// The last output of a session, each byte marked with where it was written. Positions count all bytes since its start.
///
/// A value without I/O. What a client waits for and what is kept for the next one is the same: a client is a position.
struct SessionLog {
    /// How many bytes of a detached session's output are kept.
    static let capacity = 256 << 10
    /// How often output may change between the two descriptors within what is kept; more often, and less is kept.
    static let markLimit = 4096

    enum Source: Equatable { case output, errors }

    private struct Mark {
        var source: Source
        /// The position after its last byte.
        var end: UInt64
    }

    private var bytes: [UInt8] = []
    private var head = 0
    private var marks: [Mark] = []
    /// The position of the first byte that is still here.
    private(set) var start: UInt64 = 0

    /// The position after the last byte.
    var end: UInt64 { start + UInt64(bytes.count - head) }

    /// Appends at most `room` bytes: as many as `read` says that it wrote into the buffer it is given. Returns how many.
    mutating func append(_ source: Source, room: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            count = read(UnsafeMutableRawBufferPointer(buffer))
        }
        guard !piece.isEmpty else { return 0 }
        if bytes.isEmpty { bytes = piece } else { piece.withUnsafeBytes { bytes.append(copying: $0) } }
        if let last = marks.last, last.source == source {
            marks[marks.count - 1].end = end
        } else {
            marks.append(Mark(source: source, end: end))
        }
        return piece.count
    }

    /// The bytes at `position`, at most `limit` and all of one source; nil at the end. `position` is not before `start`.
    func piece(at position: UInt64, limit: Int) -> (source: Source, bytes: ArraySlice<UInt8>)? {
        guard position >= start, position < end else { return nil }
        var (low, high) = (0, marks.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if marks[middle].end > position { high = middle } else { low = middle + 1 }
        }
        let first = head + Int(position - start)
        return (marks[low].source, bytes[first..<first + min(limit, Int(marks[low].end - position))])
    }

    /// Drops what is before `position`.
    mutating func drop(before position: UInt64) {
        let position = min(position, end)
        guard position > start else { return }
        head += Int(position - start)
        start = position
        if head == bytes.count {
            (bytes, head, marks) = ([], 0, [])
        } else if head >= 64 << 10 {
            (bytes, head) = (bytes.copy(from: head), 0)
        }
        if let first = marks.firstIndex(where: { $0.end > start }), first > 0 { marks.removeFirst(first) }
    }

    /// Keeps no more than a detached session may.
    mutating func dropOldest() {
        if end - start > UInt64(SessionLog.capacity) { drop(before: end - UInt64(SessionLog.capacity)) }
        if marks.count > SessionLog.markLimit { drop(before: marks[marks.count - SessionLog.markLimit / 2 - 1].end) }
    }
}
