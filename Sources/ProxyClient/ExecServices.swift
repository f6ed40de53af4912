public import AgentProtocol
import ControlProtocol
import LinuxSystem

/// Commands and sessions in guests.
extension ProxyClient {
    /// Runs a command in a guest and passes its streams, signals and end through.
    ///
    /// - Parameters:
    ///   - signals: an inbox that was made before other threads. SIGINT, SIGTERM and so on go to the command, SIGTSTP and SIGCONT
    ///     stop and continue it together with this process, and SIGWINCH tells it the size of the terminal.
    ///   - terminal: the user's terminal, for a command with `Command.terminal`: it is raw until this returns.
    ///   - say: takes a line for the user.
    public func exec(
        _ command: Command, in guest: String, now: Bool = false, streams: StandardStreams = StandardStreams(), signals: SignalInbox,
        deadline: Deadline = .none, terminal: RawTerminal? = nil, say: @escaping (String) -> Void = { _ in }
    ) throws(ProxyClientError) -> ExecOutcome {
        let length = command.encoded().count
        guard length <= Frame.maximumPayloadLength else {
            throw .commandTooLong(bytes: length, limit: Frame.maximumPayloadLength)
        }
        let stream = try open(Service.exec.rawValue, of: guest, now: now, deadline: deadline, signals: signals)
        // A person's shell in a guest whose boot has failed: what is to be repaired comes first.
        if terminal != nil, command.arguments.isEmpty, let status = try? status(of: guest), let text = status.rescueText {
            text.split(separator: "\n").forEach { say(String($0)) }
        }
        var loop = ExecLoop(
            command.isDetached ? .start : .command, ExecConversation(command), socket: stream.descriptor, early: stream.early,
            streams: streams, signals: signals, guest: guest, terminal: terminal, say: say)
        defer { withExtendedLifetime(stream) {} }
        return try loop.run()
    }

    /// Shows the output of a detached session, what is kept of it and what is to come, and passes input on.
    ///
    /// - Parameters:
    ///   - wantsInput: whether `streams.input` is for the session. Where another client writes, this one waits for its turn.
    ///   - terminal: the user's terminal; it is raw until this returns, where the session has one, too.
    ///   - say: takes a line for the user.
    public func attach(
        _ session: UInt64, in guest: String, wantsInput: Bool, streams: StandardStreams = StandardStreams(), signals: SignalInbox,
        terminal: RawTerminal? = nil, say: @escaping (String) -> Void = { _ in }
    ) throws(ProxyClientError) -> ExecOutcome {
        let stream = try open(Service.attach.rawValue, of: guest, now: true, signals: signals)
        let request = AttachRequest(session: session, wantsInput: wantsInput, size: terminal?.size)
        var loop = ExecLoop(
            .attach, ExecConversation(request), socket: stream.descriptor, early: stream.early, streams: streams, signals: signals,
            guest: guest, terminal: terminal, say: say)
        defer { withExtendedLifetime(stream) {} }
        return try loop.run()
    }

    /// The sessions of a guest: all that run, and the detached ones that have ended and that nobody has attached to since.
    public func sessions(of guest: String, signals: SignalInbox? = nil) throws(ProxyClientError) -> [SessionReport] {
        var exchange = FrameExchange(try open(Service.sessions.rawValue, of: guest, now: true, signals: signals), signals: signals)
        var reports: [SessionReport] = []
        while true {
            let frame = try exchange.next(.after(Self.patience), purpose: "list of the sessions of guest '\(guest)'")
            do throws(ProtocolError) {
                switch frame.type {
                case .session: reports.append(try SessionReport(decoding: frame.payload))
                case .done: return reports
                default: throw .unexpectedFrame(frame.type.rawValue)
                }
            } catch { throw .linkLost(guest: guest, why: error.text) }
        }
    }

    /// Sends a signal to the process group of a session; nil for the one that asks it to end.
    public func kill(
        _ session: UInt64, in guest: String, signal: UInt8?, signals: SignalInbox? = nil
    ) throws(ProxyClientError) {
        var exchange = FrameExchange(try open(Service.kill.rawValue, of: guest, now: true, signals: signals), signals: signals)
        try exchange.send(Frame(.kill, KillRequest(session: session, signal: signal ?? 0).encoded()[...]))
        let frame = try exchange.next(.after(Self.patience), purpose: "answer from guest '\(guest)'")
        switch frame.type {
        case .done: return
        case .failed: throw .refused(request: "guest '\(guest)'", reason: frame.text)
        default: throw .linkLost(guest: guest, why: ProtocolError.unexpectedFrame(frame.type.rawValue).text)
        }
    }
}
