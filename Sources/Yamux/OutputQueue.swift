/// Bytes on their way to the peer, in two lanes. What no data of its own stream must precede (credit, pings, SYN, ACK) does
/// not wait behind other streams' data.
struct OutputQueue: Sendable {
    private var urgent: [UInt8] = []
    private var ordered: [UInt8] = []
    /// The data frame with which `ordered` ends: more data of its stream may still be added to it.
    private var lastFrame: (start: Int, stream: UInt32, length: Int)?

    /// Up to this much data is joined to control frames, to be written in one go. More is not worth the copying.
    private static let joined = 16 << 10

    var count: Int { urgent.count + ordered.count }
    var urgentCount: Int { urgent.count }

    /// How much of `preferred` bytes of data is not used.
    func room(_ preferred: Int) -> Int { max(0, preferred - ordered.count) }

    mutating func appendUrgent(_ header: Header) { header.append(to: &urgent) }

    mutating func append(_ header: Header) {
        header.append(to: &ordered)
        lastFrame = nil
    }

    mutating func append(_ frames: [UInt8]) {
        frames.withUnsafeBytes { ordered.append(contentsOf: $0) }
        lastFrame = nil
    }

    /// Adds `bytes` in frames of `stream`.
    mutating func append(_ bytes: UnsafeRawBufferPointer, of stream: UInt32, limits: YamuxLimits) {
        let needed = ordered.count + bytes.count + 8 * Header.size
        // A large piece is seldom alone: make room for a full round at once instead of growing step by step.
        if bytes.count >= OutputQueue.joined, ordered.capacity < needed {
            ordered.reserveCapacity(max(needed, limits.preferredOutput + 64 * Header.size))
        }
        var rest = bytes
        if let last = lastFrame, last.stream == stream, last.length < limits.maximumFrame {
            let count = min(rest.count, limits.maximumFrame - last.length)
            ordered.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            lastFrame?.length += count
            Header.setLength(UInt32(last.length + count), at: last.start, in: &ordered)
        }
        guard !rest.isEmpty else { return }
        let length = (rest.count - 1) % max(1, limits.maximumFrame) + 1
        Header.appendData(rest, of: stream, maximumFrame: limits.maximumFrame, to: &ordered)
        lastFrame = (ordered.count - length - Header.size, stream, length)
    }

    /// The bytes to write next: control frames first.
    mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        if urgent.isEmpty {
            swap(&taken, &ordered)
            lastFrame = nil
            return taken
        }
        swap(&taken, &urgent)
        if ordered.count <= OutputQueue.joined {
            ordered.withUnsafeBytes { taken.append(contentsOf: $0) }
            ordered = []
            lastFrame = nil
        }
        return taken
    }
}
