internal import AgentProtocol
internal import ControlProtocol
internal import LinuxSystem
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The proxy's state: guests, their links and who waits for them. All of it lives on one event loop.
final class ProxyCore {
    let configuration: ProxyConfiguration
    let eventLoop: any EventLoop
    private let logger: Logger
    var guests: [String: Guest] = [:]
    var rawGuests: [String: RawGuest] = [:]
    /// Where guests' links arrive, by guest; kept while the guest may come back.
    var linkSockets: [String: ListeningSocket] = [:]
    /// The tokens of guests that were registered with a proxy that was killed here, until they are registered again.
    var recoveredTokens: [String: [UInt8]] = [:]
    let gate: PeerGate
    let busyPoll: BusyPoll
    var load = ProxyLoad()
    private var nextIdentifier = 1
    private var hadRegistrations = false
    private var endingProcesses = 0
    private(set) var isStopping = false
    /// Is called once, when a proxy that exits when idle has become idle.
    var onIdle: () -> Void = {}

    init(_ configuration: ProxyConfiguration, eventLoop: any EventLoop, logger: Logger, busyPoll: BusyPoll? = nil) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.busyPoll = busyPoll ?? BusyPoll(configuration.limits)
        gate = PeerGate(allowedUsers: configuration.allowedUsers)
    }

    func log(_ text: String) { logger.info("\(text)") }

    func makeIdentifier() -> Int {
        defer { nextIdentifier += 1 }
        return nextIdentifier
    }

    // MARK: Guests

    /// Listens for the guests that the configuration names, and for those of a proxy that was killed here.
    func begin() throws(SocketFileError) {
        for name in configuration.rawGuests where rawGuests[name] == nil { rawGuests[name] = try RawGuest(name, proxy: self) }
        for name in configuration.guests where rawGuests[name] == nil { try expect(name) }
        recoverLinkSockets()
    }

    private func expect(_ name: String) throws(SocketFileError) {
        guard guests[name] == nil else { return }
        try listenForLinks(of: name)
        _ = try add(name, .expected)
    }

    /// Registers a guest for as long as `launcher` lives. One that is linked already, because its launcher has outlived a
    /// proxy, keeps the links that have its token.
    func register(_ name: String, token: [UInt8], launcher: LauncherConnection) throws(ConnectFault) {
        guard !isStopping else { throw ConnectFault(text: ControlSocket.endingReason) }
        guard rawGuests[name] == nil else { throw ConnectFault(text: "guest '\(name)' has no agent (--raw); it cannot be registered") }
        if let known = guests[name], known.standing == .registered {
            throw ConnectFault(text: "there is a guest '\(name)' in this directory already")
        }
        do throws(SocketFileError) {
            try listenForLinks(of: name)
            let guest = try knownOrNew(name, .registered)
            guest.standing = .registered
            // Links that this ends are not the launcher's to hear of: it knows of none yet.
            setToken(token, of: guest)
            guest.launcher = launcher
        } catch {
            if guests[name] == nil { linkSockets.removeValue(forKey: name)?.close() }
            throw ConnectFault(text: error.text)
        }
        hadRegistrations = true
        keepToken(token, of: name)
        log("guest \(name) is registered")
    }

    /// Tells a launcher what is known already of the guest that it has just registered.
    func tellLauncher(of name: String) {
        guard let guest = guests[name], let launcher = guest.launcher else { return }
        for link in guest.links { launcher.send(.linkUp(link.status)) }
        for step in guest.status.steps { launcher.send(.step(step)) }
        if guest.status.state != .waiting {
            launcher.send(.state(guest.status.state, detail: guest.status.detail, microseconds: guest.lastBootReport ?? 0))
        }
    }

    /// The guest of this name; one that is not known yet gets its socket.
    func knownOrNew(_ name: String, _ standing: Guest.Standing) throws(SocketFileError) -> Guest {
        if let known = guests[name] { return known }
        return try add(name, standing)
    }

    private func add(_ name: String, _ standing: Guest.Standing) throws(SocketFileError) -> Guest {
        guard guests.count < configuration.limits.guestsInAll else { throw .tooManyGuests(guests.count) }
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        let path = "\(configuration.directory)/\(ControlSocket.shellSocketName(of: name))"
        let socket = try ListeningSocket(path, core: self, options: ListeningSocket.forClients) { peer in
            ShellSocketHandler(guestName: name, proxy: core.value, peer: peer)
        }
        let guest = Guest(name: name, standing: standing, shellSocket: socket, limits: configuration.limits)
        guests[name] = guest
        return guest
    }

    /// Forgets a guest: its socket file goes, its links are closed, its waiters are told.
    func remove(_ guest: Guest, reason: String) {
        guests[guest.name] = nil
        guest.shellSocket.close()
        if guest.standing == .registered { keptToken(of: guest.name).forget() }
        // A guest that nobody registered comes back through its link socket.
        if guest.standing != .linked { linkSockets.removeValue(forKey: guest.name)?.close() }
        for waiter in guest.waiters.values {
            waiter.timeout.cancel()
            waiter.resume(.failure(ConnectFault(text: reason)))
        }
        guest.waiters.removeAll()
        for reader in guest.readers { reader.guestGone(reason) }
        for link in guest.links { link.close(reason) }
        guest.process?.close()
        log("guest \(guest.name) is gone: \(reason)")
        guard configuration.guests.contains(guest.name), !isStopping else { return }
        do throws(SocketFileError) { try expect(guest.name) } catch { log("guest \(guest.name) is not expected any longer: \(error.text)") }
    }

    /// - Parameter launcher: who says so; whoever may end a process as the proxy does must own it.
    func setProcess(_ identifier: Int32, of name: String, launcher: PeerGate.Peer) {
        guard let guest = guests[name] else { return }
        guest.process?.close()
        guest.process = GuestProcess(identifier, of: launcher.user)
        if guest.process == nil { log("guest \(name): its launcher has no process \(identifier) to watch", of: name) }
    }

    /// The launcher says good-bye. True when the proxy ends with this guest.
    func unregister(_ name: String) -> Bool {
        guard let guest = guests[name] else { return false }
        remove(guest, reason: "its VM has ended")
        return configuration.exitsWhenIdle && isIdle
    }

    /// The launcher is gone without a good-bye: nobody else will end its VM.
    func launcherLost(_ name: String) {
        guard let guest = guests[name] else { return }
        if let process = guest.process, !process.hasEnded {
            log("the launcher of guest \(name) is gone; ending its VM, process \(process.identifier)")
            guest.process = nil
            process.terminate()
            endingProcesses += 1
            let bound = NIOLoopBound((self, process), eventLoop: eventLoop)
            eventLoop.scheduleTask(in: .seconds(2)) {
                let (core, process) = bound.value
                if !process.hasEnded { process.kill() }
                process.close()
                core.endingProcesses -= 1
                core.stopIfIdle()
            }
        }
        remove(guest, reason: "its launcher is gone")
        stopIfIdle()
    }

    private var isIdle: Bool { endingProcesses == 0 && !guests.values.contains { $0.standing == .registered } }

    /// Ends a proxy that exits when idle, if it is.
    func stopIfIdle() {
        guard configuration.exitsWhenIdle, isIdle, !isStopping else { return }
        isStopping = true
        onIdle()
    }

    /// As `stopIfIdle`, but not while nobody has registered yet.
    func stopIfNeverUsed() { if !hadRegistrations { stopIfIdle() } }

    /// Removes all guests, at the proxy's end.
    func removeAll() {
        isStopping = true
        for guest in guests.values { remove(guest, reason: "the proxy has ended") }
        for guest in rawGuests.values { guest.close() }
        forgetRecoveredTokens()
        for socket in linkSockets.values { socket.close() }
        linkSockets.removeAll()
    }

    var status: ProxyStatus {
        let present = guests.values.map(\.present) + rawGuests.values.map(\.status)
        return ProxyStatus(
            software: ProxyConfiguration.software, pid: currentProcess(), guests: present.sorted { $0.name < $1.name })
    }

    // MARK: Reports

    func report(_ report: StepReport, of name: String) {
        guard let guest = guests[name], let step = guest.apply(report, configuration.limits) else { return }
        guest.launcher?.send(.step(step))
        guest.note(.step(step))
    }

    func report(_ report: BootReport, of name: String) {
        guard let guest = guests[name], guest.apply(report, configuration.limits) else { return }
        let (state, detail) = (guest.status.state, guest.status.detail)
        guest.launcher?.send(.state(state, detail: detail, microseconds: report.uptime))
        guest.note(.state(.init(state: state, detail: detail, microseconds: report.uptime)))
        resumeWaiters(of: guest)
    }

    func report(_ report: AgentReport, of name: String) { guests[name]?.agent = (report, .now()) }

    func console(_ text: String, of name: String) { guests[name]?.note(.console(text)) }

    func streamBegan(_ name: String, _ kind: ClientBridge.Kind) { guests[name]?.count(kind, by: 1) }
    func streamEnded(_ name: String, _ kind: ClientBridge.Kind) { guests[name]?.count(kind, by: -1) }

    // MARK: Readers

    /// The guest whose log is to be read, or whose end is to be watched for.
    func guestForReader(_ name: String) throws(ConnectFault) -> Guest {
        guard let guest = guests[name] else { throw unknown(name) }
        guard guest.readers.count < configuration.limits.readersPerGuest else {
            throw ConnectFault(text: "\(guest.readers.count) clients read the log of guest '\(name)' already")
        }
        return guest
    }

    private func unknown(_ name: String) -> ConnectFault {
        let known = (Array(guests.keys) + rawGuests.keys).sorted().joined(separator: ", ")
        return ConnectFault(text: "\(ControlSocket.unknownGuestReason(name)); there are: \(known.isEmpty ? "none" : known)")
    }

    // MARK: Waiting for a guest

    /// Calls `resume` once: with the guest's link as soon as it has booted (`now`: as soon as it is linked), or with why that
    /// did not happen in time. Returns the waiter's number, nil when `resume` was called already.
    func whenLinked(
        _ name: String, now: Bool, resume: @escaping (Result<LinkHandler, ConnectFault>) -> Void
    ) -> Int? {
        if let raw = rawGuests[name] {
            resume(.failure(ConnectFault(text: "guest '\(name)' has no agent (--raw), only a shell: connect to \(raw.socketPath)")))
            return nil
        }
        guard let guest = guests[name] else {
            resume(.failure(unknown(name)))
            return nil
        }
        if let link = guest.link, now || guest.isBooted {
            resume(.success(link))
            return nil
        }
        guard guest.waiters.count < configuration.limits.waitersPerGuest else {
            resume(.failure(ConnectFault(text: "\(guest.waiters.count) clients wait for guest '\(name)' already")))
            return nil
        }
        let identifier = makeIdentifier()
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        let timeout = eventLoop.scheduleTask(in: configuration.wait) { core.value.waitIsOver(identifier, name) }
        guest.waiters[identifier] = Guest.Waiter(now: now, timeout: timeout, resume: resume)
        return identifier
    }

    func stopWaiting(_ identifier: Int, _ name: String) {
        guests[name]?.waiters.removeValue(forKey: identifier)?.timeout.cancel()
    }

    private func waitIsOver(_ identifier: Int, _ name: String) {
        guard let guest = guests[name], let waiter = guest.waiters.removeValue(forKey: identifier) else { return }
        let seconds = configuration.wait.nanoseconds / 1_000_000_000
        if let link = guest.link {
            waiter.resume(.success(link))
        } else {
            let text = "waited \(seconds) s for guest '\(name)', which has not connected; see its console"
            waiter.resume(.failure(ConnectFault(text: text)))
        }
    }

    func resumeWaiters(of guest: Guest) {
        guard let link = guest.link else { return }
        for (identifier, waiter) in guest.waiters where waiter.now || guest.isBooted {
            guest.waiters[identifier] = nil
            waiter.timeout.cancel()
            waiter.resume(.success(link))
        }
    }
}
