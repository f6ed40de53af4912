internal import AgentProtocol

/// Who sees a session's output, and may write to it: one stream.
struct SessionClient {
    /// How long a client of a detached session may take nothing before the session goes on without it: 5 s.
    static let patience: UInt64 = 5_000_000
    /// Kept free in the stream for what is not output.
    private static let reserve = 64

    let stream: LinkStream
    /// Whether bytes pass as they are, as those of a raw shell do.
    let isRaw: Bool
    var wantsInput: Bool
    var frames = ClientFrames()
    /// How much of the session's log it has been sent.
    var position: UInt64
    /// Bytes of its input that were taken and not yet told.
    var untold = 0
    /// Whether it is to be told that its input counts now.
    var becameWriter = false
    /// Since when it holds the session up, having taken nothing.
    private var blockedSince: UInt64?
    /// Whether the session goes on without waiting for it.
    private(set) var isLeftBehind = false

    init(_ stream: LinkStream, isRaw: Bool, wantsInput: Bool, position: UInt64) {
        self.stream = stream
        self.isRaw = isRaw
        self.wantsInput = wantsInput
        self.position = position
    }

    /// How many bytes of output its stream takes now.
    var room: Int {
        let overhead = isRaw ? 0 : Frame.headerLength + SessionClient.reserve
        return max(0, stream.capacity(wanted: overhead + 1) - overhead)
    }

    /// When it is to be left behind, should it go on taking nothing.
    var deadline: UInt64? { blockedSince.map { $0 + SessionClient.patience } }

    /// Sends what its stream takes of `log`, after what it has to be told.
    mutating func deliver(_ log: SessionLog, inputWaits: Bool) {
        tell(inputWaits: inputWaits)
        while position < log.end {
            if position < log.start {
                let frame = Frame(.skipped, SkippedOutput.encoded(log.start - position)[...]).encoded()
                guard stream.capacity(wanted: frame.count) >= frame.count else { return }
                stream.send(frame)
                position = log.start
            }
            let room = room
            guard room > 0, let piece = log.piece(at: position, limit: min(room, SessionClient.pieceLength)) else { return }
            let type = piece.source == .output ? FrameType.standardOutput : .standardError
            stream.send(isRaw ? [] : Frame.header(type, length: piece.bytes.count), piece.bytes)
            position += UInt64(piece.bytes.count)
            (blockedSince, isLeftBehind) = (nil, false)
        }
    }

    /// A header and its payload fill one frame of the link.
    private static let pieceLength = Frame.preferredDataLength - Frame.headerLength

    private mutating func tell(inputWaits: Bool) {
        guard !isRaw else { return }
        if untold >= InputAllowance.lump || (untold > 0 && !inputWaits) {
            let count = min(untold, InputAllowance.initial)
            if tell(Frame(.inputTaken, InputAllowance.encoded(count)[...])) { untold -= count }
        }
        if becameWriter, tell(Frame(.writer, [1])) { becameWriter = false }
    }

    private func tell(_ frame: Frame) -> Bool {
        let bytes = frame.encoded()
        guard stream.capacity(wanted: bytes.count) >= bytes.count else { return false }
        stream.send(bytes)
        return true
    }

    /// It is so far behind that the process has to wait for it.
    mutating func blocks(now: UInt64) { if !isLeftBehind, blockedSince == nil { blockedSince = now } }

    /// Lets the session go on without it, when it has taken nothing for too long.
    mutating func leaveBehind(now: UInt64) {
        if let deadline, deadline <= now { (blockedSince, isLeftBehind) = (nil, true) }
    }

    /// Says how the session ended, when it has had all output; false when its stream has no room yet.
    func conclude(_ end: ExitStatus, _ log: SessionLog) -> Bool {
        guard position == log.end else { return false }
        if !isRaw, !tell(Frame(.ended, end.encoded()[...])) { return false }
        stream.finish()
        return true
    }
}
