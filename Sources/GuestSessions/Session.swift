internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

typealias SessionID = UInt64

/// One shell or command, and the clients that see it.
///
/// What its process writes goes through a log. With one client, as a raw shell or a command that somebody waits for has, the
/// process is read only when the client's stream has room, and the log is empty between two reads: bytes wait in the kernel's
/// pipes and in the stream's window. The log of a detached session keeps its last output for who comes later, and a client may
/// be as far behind as the log is long before the process has to wait for it.
final class Session {
    let id: SessionID
    let kind: SessionKind
    let command: [[UInt8]]
    let user: SessionUser
    let loop: Watcher
    let startedAt = Uptime.microseconds
    var process: SessionProcess
    /// What it waits for while its process is still to become its program; nil after that.
    var start: PendingStart? = PendingStart()
    var input: SessionInput
    var outputs: [SessionOutput] = []
    var log = SessionLog()
    var clients: [SessionClient] = []
    /// When its terminal is read again.
    var pausedUntil: UInt64?
    /// When its time is over.
    var timeLimit: UInt64?
    var isTimedOut = false
    var ending: SessionEnding?
    var leaderHasEnded = false
    /// How it ended; then its process is no more.
    var end: ExitStatus?
    /// Whether a client has been told the end of a detached session, so that it need not be kept for another one.
    var wasRead = false
    /// Streams that no longer are its clients'.
    var left: [LinkStream] = []
    /// What a stream that is no client's is to be sent, and ends with.
    var reply: (stream: LinkStream, frame: [UInt8])?

    init(
        id: SessionID, kind: SessionKind, _ process: SessionProcess, command: [[UInt8]], user: SessionUser, timeout: UInt64? = nil,
        _ loop: Watcher
    ) {
        self.id = id
        self.kind = kind
        self.process = process
        self.command = command
        self.user = user
        self.loop = loop
        input = SessionInput(process)
        self.process.inputRing = nil
        outputs.append(SessionOutput(process.output, .output, .output(id), isTerminal: process.isTerminal))
        if let errors = process.errorOutput { outputs.append(SessionOutput(errors, .errors, .errorOutput(id), isTerminal: false)) }
        // Longer than any machine runs is for ever.
        if let timeout, timeout < 1 << 50 { timeLimit = startedAt + timeout * 1_000 }
        loop.watch(process.childStart.report, .readable, .start(id))
        loop.watch(process.child.pidfd, .readable, .end(id))
    }

    /// True when nothing of it is left, and nobody will ask for it.
    var isOver: Bool { end != nil && clients.isEmpty && (kind != .detached || wasRead) }

    /// What is known of it.
    func report(now: UInt64) -> SessionReport {
        SessionReport(
            session: id, kind: kind, isTerminal: process.isTerminal, process: UInt32(bitPattern: process.child.identifier),
            age: now - startedAt, end: end, clients: UInt16(truncatingIfNeeded: clients.count), user: user.name, command: command)
    }

    // MARK: Clients

    /// Lets a client see the output: of a detached session, what is kept of it and what is to come.
    func attach(_ stream: LinkStream, wantsInput: Bool, decoder: FrameDecoder = FrameDecoder()) {
        var client = SessionClient(stream, isRaw: kind.isRaw, wantsInput: wantsInput, position: log.start)
        client.frames = ClientFrames(decoder)
        clients.append(client)
        if start == nil { tellStart(clients.count - 1) }
        pump()
    }

    /// Tells a client that it has begun: the first that it hears.
    func tellStart(_ index: Int) {
        clients[index].becameWriter = false
        if kind.isRaw { clients[index].stream.accept() } else { clients[index].stream.send(started(isWriter: writer == index)) }
    }

    /// The `started` frame for a client.
    func started(isWriter: Bool) -> [UInt8] {
        let start = SessionStart(
            process: UInt32(bitPattern: process.child.identifier), session: id, isTerminal: process.isTerminal, isWriter: isWriter)
        return Frame(.started, start.encoded()[...]).encoded()
    }

    /// The client whose input counts: the first that has any.
    var writer: Int? { clients.firstIndex { $0.wantsInput } }

    /// Whether this stream is that client's.
    func isWriter(_ stream: LinkStream) -> Bool { writer.map { clients[$0].stream == stream } ?? false }

    func client(_ stream: LinkStream) -> Int? { clients.firstIndex { $0.stream == stream } }

    /// Removes a client; whoever writes next is to be told.
    func remove(_ index: Int) {
        let wrote = index == writer
        left.append(clients[index].stream)
        clients.remove(at: index)
        if wrote, let writer { clients[writer].becameWriter = true }
    }

    /// The streams that have left since the last call.
    func takeLeft() -> [LinkStream] {
        defer { left = [] }
        return left
    }

    /// The reply that is due, once.
    func takeReply() -> (stream: LinkStream, frame: [UInt8])? {
        defer { reply = nil }
        return reply
    }

    /// A stream or its link is gone. A command that has lost the one client that waited for it is told, as by a terminal that
    /// hung up, and ended when it does not end by itself; a detached one goes on.
    func lost(_ stream: LinkStream) {
        if start?.requester == stream { start?.requester = nil }
        guard let index = client(stream) else { return }
        remove(index)
        if kind == .detached { return pump() }
        if end == nil, ending == nil { terminate(SIGHUP) }
        closeStreams()
    }
}
