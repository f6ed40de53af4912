internal import AgentProtocol
internal import CLinux
public import GuestBoot
internal import LinuxSystem
internal import Yamux

/// The serving process: one thread, one event loop, from the guest's first moments until power-off.
///
/// PID 1 boots and tells it so over the boot channel; it keeps the links, answers their streams and runs sessions.
public final class Server {
    /// More connections and logs than this at once are refused.
    static let maximumServices = 512

    private let loop: Watcher
    private let links: [Link]
    private let channel: BootChannel?
    private var channelOpen: Bool
    /// Nil where there is no switch to follow, or none any more.
    private var rootSwitch: RootSwitch?
    private let sessions: SessionService
    private var history = BootHistory()
    /// Streams whose `open` frame is not complete.
    private var opening: [StreamKey: FrameDecoder] = [:]
    /// Streams that follow the boot, with how many of its reports they have had.
    private var followers: [StreamKey: Int] = [:]
    private var services = StreamServices()
    private var reporter = AgentReporter()
    private var powerOffDeadline: UInt64?
    private var isPoweringOff = false
    /// Its root is the guest's own.
    private var isSwitched = false

    /// A stream of one of the links.
    private struct StreamKey: Hashable {
        var link: LinkID
        var stream: UInt32
    }

    /// A server that learns of the boot from `channel`; without one the guest is taken to have booted, or, where the server is
    /// started `inInitrd`, to have booted when the real root has come.
    public init?(
        channel: BootChannel?, systemPath: String? = nil, links settings: LinkSettings = LinkSettings(), inInitrd: Bool = false
    ) {
        do throws(Errno) { loop = try Watcher() } catch { return nil }
        links = settings.links(loop, software: "vm-agent \(Version.text)")
        sessions = SessionService(loop)
        self.channel = channel
        channelOpen = channel != nil
        rootSwitch = inInitrd ? RootSwitch() : nil
        sessions.environment.systemPath = systemPath
        if channel != nil || settings.isOfGuests { sessions.environment.controlGroup = Server.prepareForShortage() }
        linux_keep_freed_memory(2 << 20)
        // A command that writes is not interrupted for each piece: it fills its pipe, and all of that is passed on in one turn.
        _ = linux_work_in_batches()
        linux_remember_signals()
        linux_ignore_signal(SIGPIPE)
        // Shells' own signals are theirs: a hang-up or an interrupt of the console is not meant for this process. Nor is the SIGTERM
        // that an init sends to all at the end; but who has started `connect` by that name may end it.
        let isSpared = channel != nil || linux_argument(0)?.pointee == CChar(UInt8(ascii: "@"))
        for signal in isSpared ? [SIGHUP, SIGINT, SIGTERM] : [SIGHUP, SIGINT] { linux_ignore_signal(signal) }
        if let channel { loop.watch(channel.socket, .readable, .bootChannel) }
        if let rootSwitch { loop.watch(rootSwitch.mounts, .error, .mounts) }
    }

    /// Whatever sessions do with the guest's memory and processes, this process stays and can start another one. Gives the control
    /// group for the sessions, where the kernel has any.
    private static func prepareForShortage() -> FileDescriptor? {
        _ = linux_prefer_this_process()
        let group = linux_make_process_group_limit("vm-agent-sessions")
        return group < 0 ? nil : FileDescriptor(rawValue: group)
    }

    /// Connects where that is possible already, and serves for ever: until the last link is lost that can be made only once.
    public func run() -> Never {
        if rootSwitch != nil { note(.booting, "in the initrd") } else if channel == nil { note(.ready, "the agent was started alone") }
        connect(networkIsUp: channel == nil)
        while !links.allSatisfy({ $0.isOver }) {
            let isBusy = links.contains { $0.hasEvents }
            for (source, ready) in loop.wait(milliseconds: isBusy ? 0 : untilNextDeadline()) { handle(source, ready) }
            let now = Uptime.microseconds
            for link in links { link.tick(now: now) }
            sessions.tick(now: now)
            services.tick(now: now)
            lookForInit(now: now)
            if let deadline = powerOffDeadline, deadline <= now {
                powerOffDeadline = nil
                PowerOff.run(.powerOff)
            }
            handleStreams()
            flush()
            // Writing may have made room for streams that waited for it.
            handleStreams()
            reportAgent()
            flush()
        }
        // What lost its client is told so.
        sessions.finishStarts()
        exit(0)
    }

    /// Connects those links that are not connected. Only guestfwd needs the network.
    private func connect(networkIsUp: Bool) {
        for link in links where networkIsUp || link.place != .guestForward { link.connect() }
    }

    private func flush() { for link in links { link.flush() } }

    private func untilNextDeadline() -> Int32 {
        var deadline = sessions.nextDeadline ?? .max
        for link in links { deadline = min(deadline, link.nextDeadline ?? .max) }
        deadline = min(deadline, services.nextDeadline ?? .max, powerOffDeadline ?? .max, rootSwitch?.nextDeadline ?? .max)
        // Without anybody who follows the boot there is nobody to report to, and nothing that would move this deadline on.
        if !followers.isEmpty { deadline = min(deadline, reporter.nextDeadline ?? .max) }
        guard deadline < .max else { return -1 }
        let now = Uptime.microseconds
        return deadline <= now ? 0 : Int32(min((deadline - now) / 1_000 + 1, 60_000))
    }

    private func handle(_ source: EventSource, _ ready: EventPoll.Interest) {
        switch source {
        case .bootChannel: receiveFromBoot()
        case .mounts: rootSwitch?.follow()
        case .link(let id): links[id].ready(ready)
        case .start, .input, .output, .errorOutput, .end: sessions.handle(source)
        case .service(let id): services.ready(id, ready)
        }
        forgetLostStreams()
    }

    // MARK: The boot

    private func receiveFromBoot() {
        guard let channel else { return }
        switch channel.receive(milliseconds: 0) {
        case .message(.step(let report)):
            history.append(report)
            // What ended may have been what a link waits for: a driver was loaded.
            if report.outcome != .started { connect(networkIsUp: false) }
        case .message(.boot(let report)): history.append(report)
        case .message(.networkUp): connect(networkIsUp: true)
        case .message(.system(let path)): sessions.environment.systemPath = path
        case .message(.switchRoot(let root)):
            // Their programs are looked for in the root that they were asked for in.
            sessions.finishStarts()
            // Asked again, it has nothing left to do.
            if isSwitched || (chdir(root) == 0 && chroot(".") == 0) {
                isSwitched = true
                channel.send(.switched)
            } else {
                writeKernelLog(.error, "the serving process cannot make \(root) its root: \(Errno.current.description)")
            }
        case .message(.switched), .message(.powerOff), .nothing: break
        case .ended:
            // PID 1 closes its end by becoming the real init.
            loop.close(channel.socket)
            channelOpen = false
            // Asked for too late for the boot to see it.
            if isPoweringOff { powerOff() } else { note(.ready, "init is running") }
        }
        feedFollowers()
    }

    /// Where the real root has come and its init was entered, the guest is ready.
    private func lookForInit(now: UInt64) {
        guard let mounts = rootSwitch?.mounts, rootSwitch?.isOver(now: now) == true else { return }
        loop.close(mounts)
        rootSwitch = nil
        note(.ready, "init is running")
        feedFollowers()
    }

    private func note(_ state: BootState, _ detail: String) {
        history.append(BootReport(state: state, uptime: Uptime.microseconds, detail: detail))
    }

    private func powerOff() {
        isPoweringOff = true
        note(.poweringOff, "asked for through the link")
        feedFollowers()
        flush()
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
        for (id, link) in links.enumerated() {
            while let event = link.nextEvent() { handle(event, id, link) }
        }
        forgetLostStreams()
    }

    private func handle(_ event: YamuxEvent, _ id: LinkID, _ link: Link) {
        switch event {
        case .opened(let stream): opening[StreamKey(link: id, stream: stream)] = FrameDecoder()
        case .data(let stream, let bytes): received(StreamKey(link: id, stream: stream), bytes)
        case .finished(let number):
            let stream = LinkStream(carrier: link, number: number)
            if let service = services.service(stream) {
                service.inputFinished()
            } else if !sessions.finished(stream), opening.removeValue(forKey: StreamKey(link: id, stream: number)) != nil {
                stream.reset()
            }
        case .reset(let stream): streamLost(StreamKey(link: id, stream: stream))
        case .writable(let stream):
            let key = StreamKey(link: id, stream: stream)
            sessions.writable(LinkStream(carrier: link, number: stream))
            services.service(LinkStream(carrier: link, number: stream))?.streamWritable()
            if followers[key] != nil { feed(key) }
        case .pong, .goAway: break
        }
        services.forgetWhatIsOver()
    }

    private func received(_ key: StreamKey, _ bytes: ArraySlice<UInt8>) {
        let link = links[key.link]
        let stream = LinkStream(carrier: link, number: key.stream)
        if sessions.received(bytes, from: stream) { return }
        if let service = services.service(stream) { return service.received(bytes) }
        guard var decoder = opening[key] else { return link.consumed(key.stream, bytes.count) }
        decoder.append(bytes)
        do throws(ProtocolError) {
            guard let frame = try decoder.next() else {
                link.consumed(key.stream, bytes.count)
                // An `open` frame is short; one that is not is not one.
                guard decoder.bufferedCount < 1024 else { throw .tooLong(length: decoder.bufferedCount, limit: 1024) }
                opening[key] = decoder
                return
            }
            guard frame.type == .open else { throw .unexpectedFrame(frame.type.rawValue) }
            opening[key] = nil
            // What follows the frame is the service's to take and to credit.
            let rest = decoder.takeRemainder()
            link.consumed(key.stream, bytes.count - rest.count)
            open(key, frame.text, rest)
        } catch {
            opening[key] = nil
            LinkStream(carrier: link, number: key.stream).refuse(error.text)
        }
    }

    private func open(_ key: StreamKey, _ text: String, _ rest: ArraySlice<UInt8>) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let (name, argument) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
        let stream = LinkStream(carrier: links[key.link], number: key.stream)
        guard let service = Service(rawValue: name) else {
            return stream.refuse("no service '\(name)': there are \(Service.allCases.map { $0.rawValue }.joined(separator: ", "))")
        }
        switch service {
        case .connect: connect(stream, argument ?? "", rest)
        case .log where argument == nil || argument == "follow":
            startService(stream, rest) { [loop] in KernelLogStream($0, follows: argument != nil, id: $1, loop: loop) }
        case .echo where argument == nil: startService(stream, rest) { service, _ in Echo(service) }
        case .log, .echo,
            _ where argument != nil:
            stream.refuse("there is no '\(text)': the service is '\(name)'")
        case .status:
            stream.send(Frame(.accepted).encoded() + Array(agentReport().text.utf8))
            stream.finish()
        case .shell, .exec, .attach, .sessions, .kill, .copyIn, .copyOut:
            if let reason = sessions.open(service, stream, rest) { stream.refuse(reason) }
        case .events:
            stream.accept()
            followers[key] = 0
            feed(key)
            reporter.forget()
        case .powerOff where geteuid() != 0: stream.refuse("the agent does not run as root, so it cannot power the guest off")
        case .powerOff:
            stream.accept()
            stream.finish()
            powerOff()
        }
    }

    private func connect(_ stream: LinkStream, _ target: String, _ rest: ArraySlice<UInt8>) {
        do throws(ConnectTarget.Fault) {
            let target = try ConnectTarget(target)
            startService(stream, rest) { [loop] in Connection(target, $0, id: $1, loop: loop) }
        } catch {
            stream.refuse(error.text)
        }
    }

    private func startService(
        _ stream: LinkStream, _ rest: ArraySlice<UInt8>, _ make: (LinkStream, ServiceID) -> any StreamService
    ) {
        guard services.count < Server.maximumServices else {
            return stream.refuse("the guest has \(services.count) connections already, which is the most it takes")
        }
        services.start(stream, rest) { make(stream, $0) }
    }

    private func feedFollowers() { for key in Array(followers.keys) { feed(key) } }

    private func feed(_ key: StreamKey) {
        let link = links[key.link]
        while let seen = followers[key], let next = history.frame(after: seen),
            link.capacity(key.stream, wanted: next.frame.count) >= next.frame.count
        {
            link.sendWhole(key.stream, next.frame)
            followers[key] = next.count
        }
    }

    // MARK: How the agent is

    private func agentReport() -> AgentReport {
        AgentReporter.report(sessions: sessions.count, connections: services.count, links: links.count { $0.isOpen })
    }

    /// Tells those who follow the boot, when it is time and there is news.
    private func reportAgent() {
        guard !followers.isEmpty, reporter.isDue(now: Uptime.microseconds) else { return }
        let isMemoryShort = MemoryPressure.isHigh
        for link in links { link.allowLargeWindows(!isMemoryShort) }
        guard let frame = reporter.news(agentReport()) else { return }
        // Not without news: the answer to this ping is an event that would call for the next look, and so for the next ping.
        for link in links { link.measure() }
        for key in followers.keys where links[key.link].capacity(key.stream, wanted: frame.count) >= frame.count {
            links[key.link].sendWhole(key.stream, frame)
        }
    }

    // MARK: Ends

    private func streamLost(_ key: StreamKey) {
        let stream = LinkStream(carrier: links[key.link], number: key.stream)
        opening[key] = nil
        followers[key] = nil
        services.service(stream)?.streamLost()
        sessions.lost(stream)
    }

    /// Ends what was on links that are lost. The other links' streams do not notice.
    private func forgetLostStreams() {
        services.forgetWhatIsOver()
        for (id, link) in links.enumerated() where link.takeLoss() {
            for key in opening.keys where key.link == id { opening[key] = nil }
            for key in followers.keys where key.link == id { followers[key] = nil }
            sessions.lost(link)
            services.lost(link)
        }
    }
}
