internal import CLinux
internal import LinuxSystem

/// Our end of where a session's process writes.
struct SessionOutput {
    let descriptor: FileDescriptor
    let kind: SessionLog.Source
    let source: EventSource
    let isTerminal: Bool
    /// How much is still to be read after the process has ended: what it had written by then. An orphan that holds the other
    /// end can neither delay the session's end nor add to its output. Nil while the process runs.
    private var remaining: Int?

    init(_ descriptor: FileDescriptor, _ kind: SessionLog.Source, _ source: EventSource, isTerminal: Bool) {
        self.descriptor = descriptor
        self.kind = kind
        self.source = source
        self.isTerminal = isTerminal
    }

    /// The process has ended.
    mutating func processEnded() {
        // A terminal's bytes may still be on their way to where they could be counted; reading to the end of them finds all.
        remaining = isTerminal ? PseudoTerminal.mostBuffered : max(0, Int(linux_readable_bytes(descriptor.rawValue)))
    }

    enum Outcome {
        case some
        /// Fewer bytes than there was room for: at the next read there are probably none.
        case few
        case nothingNow
        case over
    }

    /// Reads once into `log`, at most `room` bytes.
    mutating func read(into log: inout SessionLog, room: Int) -> Outcome {
        let room = min(room, remaining ?? .max)
        guard room > 0 else { return remaining == 0 ? .over : .nothingNow }
        var isOver = false
        var isEmpty = false
        let count = log.append(kind, room: room) { buffer in
            // A terminal whose other end is closed gives EIO.
            do throws(Errno) {
                let count = try descriptor.read(into: buffer)
                isEmpty = count == nil
                isOver = count == 0
                return count ?? 0
            } catch { isOver = true }
            return 0
        }
        if let left = remaining {
            remaining = left - count
            if isEmpty || left == count { isOver = true }
        }
        if isOver { return .over }
        if isEmpty { return .nothingNow }
        return count < room && remaining == nil ? .few : .some
    }
}
