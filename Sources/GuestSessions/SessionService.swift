internal import AgentProtocol
internal import LinuxSystem

/// The services shell, exec, attach, sessions and kill: all sessions of the guest, and the streams that use them.
final class SessionService {
    /// More sessions than this at once are refused.
    static let maximumSessions = 512

    var environment = SessionEnvironment()
    private let loop: Watcher
    private var table = SessionTable<Session>()
    private var uses: [LinkStream: Use] = [:]
    /// Not after the next deadline of any session.
    private(set) var nextDeadline: UInt64?

    /// What a stream is there for.
    private enum Use {
        /// Its request has not come, or not whole.
        case request(Service, FrameDecoder)
        case session(SessionID)
        /// Frames that it has not taken yet; it ends with them.
        case answer(ArraySlice<[UInt8]>)
    }

    init(_ loop: Watcher) { self.loop = loop }

    /// How many sessions run.
    var count: Int { table.runningCount }

    // MARK: Streams

    /// Begins `service` on a stream; `rest` came after its `open` frame. Returns why not, or nil.
    func open(_ service: Service, _ stream: LinkStream, _ rest: ArraySlice<UInt8>) -> String? {
        if [.shell, .exec, .copyIn, .copyOut].contains(service), table.runningCount >= SessionService.maximumSessions {
            return "the guest has \(table.runningCount) sessions already, which is the most it takes"
        }
        switch service {
        case .shell:
            do throws(SessionStartFailure) { try startShell(stream) } catch { return error.reason }
        case .copyIn, .copyOut:
            do throws(SessionStartFailure) { try startCopy(service, stream) } catch { return error.reason }
        case .sessions:
            stream.send(Frame(.accepted).encoded())
            let now = Uptime.microseconds
            let reports = table.entries.map { Frame(.session, $0.entry.report(now: now).encoded()[...]).encoded() }
            answer(stream, reports + [Frame(.done).encoded()])
        default:
            stream.send(Frame(.accepted).encoded())
            uses[stream] = .request(service, FrameDecoder())
        }
        if !rest.isEmpty { _ = received(rest, from: stream) }
        return nil
    }

    /// Takes bytes of a stream, and gives credit for them sooner or later; false when the stream is none of its own.
    func received(_ bytes: ArraySlice<UInt8>, from stream: LinkStream) -> Bool {
        switch uses[stream] {
        case nil: return false
        case .answer: stream.consumed(bytes.count)
        case .session(let id):
            guard let session = table[id] else { return false }
            session.received(bytes, from: stream)
            settle(session)
        case .request(let service, var decoder):
            stream.consumed(bytes.count)
            decoder.append(bytes)
            do throws(ProtocolError) {
                guard let frame = try decoder.next() else {
                    uses[stream] = .request(service, decoder)
                    break
                }
                uses[stream] = nil
                try obey(frame, service, stream, decoder)
            } catch {
                writeKernelLog(.notice, "a client of \(service.rawValue) is cut off: \(error.text)")
                uses[stream] = nil
                stream.reset()
            }
        }
        return true
    }

    /// The client sends no more; false when the stream is none of its own.
    func finished(_ stream: LinkStream) -> Bool {
        switch uses[stream] {
        case nil: return false
        case .answer: break
        case .session(let id):
            guard let session = table[id] else { break }
            session.inputFinished(stream)
            settle(session)
        case .request:
            uses[stream] = nil
            stream.reset()
        }
        return true
    }

    /// A stream has room again.
    func writable(_ stream: LinkStream) {
        switch uses[stream] {
        case .answer(let frames): answer(stream, frames)
        case .session(let id):
            guard let session = table[id] else { break }
            session.pump()
            settle(session)
        case nil, .request: break
        }
    }

    /// A stream is gone.
    func lost(_ stream: LinkStream) {
        guard case .session(let id)? = uses.removeValue(forKey: stream), let session = table[id] else { return }
        session.lost(stream)
        settle(session)
    }

    /// A link is gone, and all its streams.
    func lost(_ carrier: any StreamCarrier) {
        for stream in Array(uses.keys) where stream.carrier === carrier { lost(stream) }
    }

    private func answer(_ stream: LinkStream, _ frames: ArraySlice<[UInt8]>) {
        var frames = frames
        while let frame = frames.first {
            guard stream.capacity(wanted: frame.count) >= frame.count else {
                uses[stream] = .answer(frames)
                return
            }
            stream.send(frame)
            frames = frames.dropFirst()
        }
        uses[stream] = nil
        stream.finish()
    }

    private func answer(_ stream: LinkStream, _ frames: [[UInt8]]) { answer(stream, frames[...]) }

    // MARK: Requests

    private func startShell(_ stream: LinkStream) throws(SessionStartFailure) {
        let environment = environment
        let process = try SessionProcess.start(.shell, group: environment.controlGroup) { () throws(SessionStartFailure) in
            try environment.rawShell()
        }
        let shell = SessionUser.root(users: SessionEnvironment.users).shell
        startRaw(.shell, process, [shell.isEmpty ? Array("sh".utf8) : shell], stream)
    }

    private func startCopy(_ service: Service, _ stream: LinkStream) throws(SessionStartFailure) {
        startRaw(.copy, try SessionProcess.copy(service, environment), [Array(service.rawValue.utf8)], stream)
    }

    /// Joins a process to the stream, without frames of ours.
    private func startRaw(_ kind: SessionKind, _ process: SessionProcess, _ command: [[UInt8]], _ stream: LinkStream) {
        let session = add(kind, process, Command(arguments: command), .root(users: []))
        attach(stream, to: session, wantsInput: true)
    }

    private func obey(
        _ frame: Frame, _ service: Service, _ stream: LinkStream, _ decoder: FrameDecoder
    ) throws(ProtocolError) {
        switch (service, frame.type) {
        case (.exec, .command): startCommand(try Command(decoding: frame.payload), stream, decoder)
        case (.attach, .attach): attach(stream, try AttachRequest(decoding: frame.payload), decoder)
        case (.kill, .kill): kill(try KillRequest(decoding: frame.payload), stream)
        default: throw .unexpectedFrame(frame.type.rawValue)
        }
    }

    private func startCommand(_ command: Command, _ stream: LinkStream, _ decoder: FrameDecoder) {
        do throws(SessionStartFailure) {
            let environment = environment
            let user = try environment.user(of: command)
            let streams = command.terminal.map { SessionProcess.Streams.terminal($0.size) } ?? .pipes(wantsInput: command.wantsInput)
            let process = try SessionProcess.start(streams, group: environment.controlGroup) { () throws(SessionStartFailure) in
                try environment.program(for: command, user)
            }
            let session = add(command.isDetached ? .detached : .exec, process, command, user)
            if command.isDetached {
                uses[stream] = .session(session.id)
                session.start?.requester = stream
                settle(session)
            } else {
                attach(stream, to: session, wantsInput: command.wantsInput || command.terminal != nil, decoder)
            }
        } catch {
            let end = ExitStatus.notStarted(code: error.code, reason: error.reason)
            answer(stream, [Frame(.ended, end.encoded()[...]).encoded()])
        }
    }

    private func add(_ kind: SessionKind, _ process: SessionProcess, _ command: Command, _ user: SessionUser) -> Session {
        let id = table.makeID()
        let arguments = command.arguments.isEmpty ? [user.shell] : command.arguments
        let session = Session(id: id, kind: kind, process, command: arguments, user: user, timeout: command.timeout, loop)
        table.add(session, as: id)
        return session
    }

    private func attach(_ stream: LinkStream, _ request: AttachRequest, _ decoder: FrameDecoder) {
        guard let session = table[request.session], session.kind == .detached else {
            return refuse(stream, "there is no detached session \(request.session) in the guest")
        }
        attach(stream, to: session, wantsInput: request.wantsInput, decoder)
        if let size = request.size, session.isWriter(stream) { session.resize(size) }
    }

    private func attach(_ stream: LinkStream, to session: Session, wantsInput: Bool, _ decoder: FrameDecoder = FrameDecoder()) {
        uses[stream] = .session(session.id)
        session.attach(stream, wantsInput: wantsInput, decoder: decoder)
        // What came with the request.
        session.received([], from: stream)
        settle(session)
    }

    private func kill(_ request: KillRequest, _ stream: LinkStream) {
        guard let session = table[request.session] else {
            return refuse(stream, "there is no session \(request.session) in the guest")
        }
        guard session.end == nil else { return refuse(stream, "session \(request.session) has ended") }
        session.signal(request.signal == 0 ? session.polite : CInt(request.signal))
        answer(stream, [Frame(.done).encoded()])
    }

    private func refuse(_ stream: LinkStream, _ reason: String) { answer(stream, [Frame(.failed, text: reason).encoded()]) }

    // MARK: Events

    /// A session's descriptor is ready.
    func handle(_ source: EventSource) {
        let id: SessionID
        switch source {
        case .start(let owner), .input(let owner), .output(let owner), .errorOutput(let owner), .end(let owner): id = owner
        default: return
        }
        guard let session = table[id] else { return }
        switch source {
        case .start: session.finishStart()
        case .input: session.writeInput(isReady: true)
        case .end: session.processEnded()
        default: session.pump()
        }
        settle(session)
    }

    /// Waits until there is no start under way, a second at most.
    func finishStarts() {
        for (_, session) in table.entries {
            guard let start = session.start else { continue }
            let now = Uptime.microseconds
            let left = start.deadline > now ? CInt((start.deadline - now) / 1_000 + 1) : 0
            _ = session.process.childStart.report.waitUntilReadable(milliseconds: left)
            session.finishStart(isLast: true)
            settle(session)
        }
    }

    /// Does what is due by now.
    func tick(now: UInt64) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        nextDeadline = nil
        for (_, session) in table.entries {
            if let deadline = session.nextDeadline, deadline <= now { session.tick(now: now) }
            settle(session)
        }
    }

    /// Draws the conclusions after something happened to a session.
    private func settle(_ session: Session) {
        for stream in session.takeLeft() { uses[stream] = nil }
        if let reply = session.takeReply() { answer(reply.stream, [reply.frame]) }
        if session.isOver {
            table.remove(session.id)
        } else if session.end != nil, session.kind == .detached, let forgotten = table.noteEnd(of: session.id) {
            forgotten.forget()
            for stream in forgotten.takeLeft() { uses[stream] = nil }
        }
        if let deadline = session.nextDeadline { nextDeadline = min(nextDeadline ?? .max, deadline) }
    }
}
