internal import AgentProtocol
internal import CLinux
public import GuestBoot
internal import LinuxSystem
internal import Yamux

/// The serving process: one thread, one event loop, from the guest's first moments until power-off.
///
/// PID 1 boots and tells it so over the boot channel; it keeps the link, answers streams and runs sessions.
public final class Server {
    /// More sessions than this at once are refused.
    static let maximumSessions = 512

    private let loop: Watcher
    private let link: Link
    private let channel: BootChannel?
    private var channelOpen: Bool
    private var environment = SessionEnvironment()
    private var history = BootHistory()
    private var sessions: [SessionID: Session] = [:]
    private var sessionOfStream: [UInt32: SessionID] = [:]
    /// Streams whose `open` frame is not complete.
    private var opening: [UInt32: FrameDecoder] = [:]
    /// Streams that follow the boot, with how many of its reports they have had.
    private var followers: [UInt32: Int] = [:]
    private var nextSession: SessionID = 1
    private var powerOffDeadline: UInt64?

    /// A server that learns of the boot from `channel`; without one the guest is taken to have booted.
    public init?(channel: BootChannel?, systemPath: String? = nil) {
        do throws(Errno) { loop = try Watcher() } catch { return nil }
        link = Link(loop, software: "vm-agent \(Version.text)")
        self.channel = channel
        channelOpen = channel != nil
        environment.systemPath = systemPath
        linux_ignore_signal(SIGPIPE)
        // Shells' own signals are theirs: a hang-up or an interrupt of the console is not meant for this process.
        for signal in [SIGHUP, SIGINT, SIGTERM] { linux_ignore_signal(signal) }
        if let channel { loop.watch(channel.socket, .readable, .bootChannel) }
    }

    /// Connects, if there is no boot to wait for, and serves for ever.
    public func run() -> Never {
        if channel == nil {
            note(.ready, "the agent was started alone")
            link.connect()
        }
        while true {
            for (source, ready) in loop.wait(milliseconds: untilNextDeadline()) { handle(source, ready) }
            let now = Uptime.microseconds
            link.tick(now: now)
            if let deadline = powerOffDeadline, deadline <= now { PowerOff.run(.powerOff) }
            handleStreams()
            link.flush()
            // Writing may have made room for streams that waited for it.
            handleStreams()
            link.flush()
        }
    }

    private func untilNextDeadline() -> Int32 {
        guard let deadline = [link.nextDeadline, powerOffDeadline].compactMap({ $0 }).min() else { return -1 }
        let now = Uptime.microseconds
        return deadline <= now ? 0 : Int32(min((deadline - now) / 1_000 + 1, 60_000))
    }

    private func handle(_ source: EventSource, _ ready: EventPoll.Interest) {
        switch source {
        case .bootChannel: receiveFromBoot()
        case .link: link.ready(ready)
        case .input(let id): sessions[id]?.writeInput(loop, link)
        case .output(let id), .errorOutput(let id): sessions[id]?.pump(loop, link)
        case .end(let id): sessions[id]?.processEnded(loop, link)
        }
        if link.takeLoss() { streamsLost() }
        forgetWhatIsOver()
    }

    // MARK: The boot

    private func receiveFromBoot() {
        guard let channel else { return }
        switch channel.receive(milliseconds: 0) {
        case .message(.step(let report)): history.append(report)
        case .message(.boot(let report)): history.append(report)
        case .message(.networkUp): link.connect()
        case .message(.system(let path)): environment.systemPath = path
        case .message(.switchRoot(let root)):
            if chdir(root) == 0, chroot(".") == 0 {
                channel.send(.switched)
            } else {
                writeKernelLog(.error, "the serving process cannot make \(root) its root: \(Errno.current.description)")
            }
        case .message(.switched), .message(.powerOff), .nothing: break
        case .ended:
            // PID 1 closes its end by becoming the real init.
            loop.close(channel.socket)
            channelOpen = false
            note(.ready, "init is running")
        }
        feedFollowers()
    }

    private func note(_ state: BootState, _ detail: String) {
        history.append(BootReport(state: state, uptime: Uptime.microseconds, detail: detail))
    }

    private func powerOff() {
        note(.poweringOff, "asked for through the link")
        feedFollowers()
        link.flush()
        if channelOpen, let channel {
            channel.send(.powerOff)
        } else if InitProcess.askToPowerOff() {
            // Where init does not do it in time, we do.
            powerOffDeadline = Uptime.microseconds + 30_000_000
        } else {
            PowerOff.run(.powerOff)
        }
    }

    // MARK: Streams

    private func handleStreams() {
        while let event = link.nextEvent() {
            switch event {
            case .opened(let stream): opening[stream] = FrameDecoder()
            case .data(let stream, let bytes): received(stream, bytes)
            case .finished(let stream):
                if let session = session(stream) {
                    session.inputFinished(loop, link)
                } else if opening.removeValue(forKey: stream) != nil {
                    link.reset(stream)
                }
            case .reset(let stream): streamLost(stream)
            case .writable(let stream):
                session(stream)?.pump(loop, link)
                if followers[stream] != nil { feed(stream) }
            case .pong, .goAway: break
            }
            forgetWhatIsOver()
        }
        if link.takeLoss() { streamsLost() }
    }

    private func session(_ stream: UInt32) -> Session? { sessionOfStream[stream].flatMap { sessions[$0] } }

    private func received(_ stream: UInt32, _ bytes: [UInt8]) {
        if let session = session(stream) { return session.received(bytes[...], environment, loop, link) }
        guard var decoder = opening[stream] else { return link.consumed(stream, bytes.count) }
        decoder.append(bytes)
        do throws(ProtocolError) {
            guard let frame = try decoder.next() else {
                link.consumed(stream, bytes.count)
                // An `open` frame is short; one that is not is not one.
                guard decoder.bufferedCount < 1024 else { throw .tooLong(length: decoder.bufferedCount, limit: 1024) }
                opening[stream] = decoder
                return
            }
            guard frame.type == .open else { throw .unexpectedFrame(frame.type.rawValue) }
            opening[stream] = nil
            // What follows the frame is the service's to take and to credit.
            let rest = decoder.takeRemainder()
            link.consumed(stream, bytes.count - rest.count)
            open(stream, frame.text, rest)
        } catch {
            opening[stream] = nil
            refuse(stream, error.text)
        }
    }

    private func open(_ stream: UInt32, _ name: String, _ rest: ArraySlice<UInt8>) {
        guard let service = Service(rawValue: name) else {
            return refuse(stream, "no service '\(name)': there are \(Service.allCases.map { $0.rawValue }.joined(separator: ", "))")
        }
        switch service {
        case .shell, .exec, .copyIn, .copyOut: startSession(service, stream, rest)
        case .events:
            link.sendWhole(stream, Frame(.accepted).encoded())
            followers[stream] = 0
            feed(stream)
        case .powerOff:
            link.sendWhole(stream, Frame(.accepted).encoded())
            link.finish(stream)
            powerOff()
        }
    }

    private func startSession(_ service: Service, _ stream: UInt32, _ rest: ArraySlice<UInt8>) {
        guard sessions.count < Server.maximumSessions else {
            return refuse(stream, "the guest has \(sessions.count) sessions already, which is the most it takes")
        }
        let session = Session(id: nextSession, service: service, stream: stream)
        nextSession += 1
        if service != .exec {
            do throws(SessionProcess.StartFailure) { try session.startRaw(environment, loop) } catch {
                return refuse(stream, error.reason)
            }
        }
        sessions[session.id] = session
        sessionOfStream[stream] = session.id
        link.sendWhole(stream, Frame(.accepted).encoded())
        guard !rest.isEmpty else { return }
        session.received(rest, environment, loop, link)
    }

    private func refuse(_ stream: UInt32, _ reason: String) {
        link.sendWhole(stream, Frame(.refused, text: reason).encoded())
        link.finish(stream)
    }

    private func feedFollowers() { for stream in Array(followers.keys) { feed(stream) } }

    private func feed(_ stream: UInt32) {
        while let seen = followers[stream], let next = history.frame(after: seen),
            link.capacity(stream, wanted: next.frame.count) >= next.frame.count
        {
            link.sendWhole(stream, next.frame)
            followers[stream] = next.count
        }
    }

    // MARK: Ends

    private func streamLost(_ stream: UInt32) {
        opening[stream] = nil
        followers[stream] = nil
        session(stream)?.streamLost(loop)
        sessionOfStream[stream] = nil
    }

    private func streamsLost() {
        for session in sessions.values { session.streamLost(loop) }
        sessionOfStream.removeAll()
        opening.removeAll()
        followers.removeAll()
        forgetWhatIsOver()
    }

    private func forgetWhatIsOver() {
        for (stream, id) in sessionOfStream where sessions[id]?.stream == nil { sessionOfStream[stream] = nil }
        for (id, session) in sessions where session.isOver { sessions[id] = nil }
    }
}
