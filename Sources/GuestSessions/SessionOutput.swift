internal import AgentProtocol
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
    /// Whether it writes as fast as it is read, so that moving its bytes is worth an attempt.
    private var isBulk = false

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

    private static let fullTerminalRead = 2 << 10
    /// How long a terminal that has given little is left alone, in microseconds: programs write to it line by line, and each of their
    /// lines would be a frame, and half a dozen system calls. Nobody who types sees it.
    static let terminalPause: UInt64 = 2_000

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
        isBulk = count == room && remaining == nil && !isTerminal
        // A terminal gives no more than 4 KiB at once.
        return count < (isTerminal ? SessionOutput.fullTerminalRead : room) && remaining == nil ? .few : .some
    }

    /// Sends what its pipe has by way of the kernel; false when it is to be read.
    mutating func move(to stream: LinkStream, isRaw: Bool) -> Bool {
        guard isBulk, remaining == nil else { return false }
        let count = stream.move(from: descriptor, as: isRaw ? nil : kind == .output ? .standardOutput : .standardError)
        isBulk = count >= Conduit.minimum
        return count > 0
    }
}
