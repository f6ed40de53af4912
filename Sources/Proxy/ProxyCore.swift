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
    private var guests: [String: Guest] = [:]
    private var nextIdentifier = 1
    private var hadRegistrations = false
    private var endingProcesses = 0
    private var isStopping = false
    /// Is called once, when a proxy that exits when idle has become idle.
    var onIdle: () -> Void = {}

    init(_ configuration: ProxyConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
    }

    func log(_ text: String) { logger.info("\(text)") }

    private func makeIdentifier() -> Int {
        defer { nextIdentifier += 1 }
        return nextIdentifier
    }

    // MARK: Guests

    /// Registers a guest for as long as `launcher` lives.
    func register(_ name: String, token: [UInt8], launcher: LauncherConnection) throws(ConnectFault) {
        if let known = guests[name], known.isRegistered || !known.links.isEmpty {
            throw ConnectFault(text: "there is a guest '\(name)' in this directory already")
        }
        guard !isStopping else { throw ConnectFault(text: ControlSocket.endingReason) }
        let guest = try add(name, token: token, isRegistered: true)
        guest.launcher = launcher
        hadRegistrations = true
        log("guest \(name) is registered")
    }

    private func add(_ name: String, token: [UInt8], isRegistered: Bool) throws(ConnectFault) -> Guest {
        let path = "\(configuration.directory)/\(ControlSocket.shellSocketName(of: name))"
        let guest = Guest(name: name, token: token, isRegistered: isRegistered, socket: path, limits: configuration.limits)
        let listener: LinuxSystem.FileDescriptor
        do throws(SocketFileError) {
            listener = try SocketFile.listen(path)
        } catch {
            throw ConnectFault(text: error.text)
        }
        guests[name] = guest
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        ServerBootstrap(group: eventLoop)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ShellSocketHandler(guestName: name, proxy: core.value))
                }
            }
            .withBoundSocket(listener.rawValue)
            .assumeIsolated()
            .whenComplete { [self] result in
                switch result {
                case .success(let channel):
                    if guests[name] === guest { guest.shellListener = channel } else { channel.close(promise: nil) }
                case .failure(let error): log("cannot serve \(path): \(error)")
                }
            }
        return guest
    }

    /// Forgets a guest: its socket file goes, its links are closed, its waiters are told.
    private func remove(_ guest: Guest, reason: String) {
        guests[guest.name] = nil
        guest.shellListener?.close(promise: nil)
        _ = unlinkFile(guest.status.socket)
        for waiter in guest.waiters.values {
            waiter.timeout.cancel()
            waiter.resume(.failure(ConnectFault(text: reason)))
        }
        guest.waiters.removeAll()
        for reader in guest.readers { reader.guestGone(reason) }
        for link in guest.links { link.close(reason) }
        guest.process?.close()
        log("guest \(guest.name) is gone: \(reason)")
    }

    func setProcess(_ identifier: Int32, of name: String) {
        guard let guest = guests[name] else { return }
        guest.process?.close()
        guest.process = GuestProcess(identifier)
        if guest.process == nil { log("guest \(name): there is no process \(identifier) to watch") }
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

    private var isIdle: Bool { endingProcesses == 0 && !guests.values.contains { $0.isRegistered } }

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
    }

    var status: ProxyStatus {
        ProxyStatus(
            software: ProxyConfiguration.software, pid: currentProcess(),
            guests: guests.values.sorted { $0.name < $1.name }.map { $0.present })
    }

    // MARK: Links

    /// Takes a link's socket, which is the proxy's from now on.
    func adopt(_ socket: LinuxSystem.FileDescriptor, guestName: String) {
        guard !isStopping else { return socket.close() }
        if guests[guestName] == nil {
            do throws(ConnectFault) {
                _ = try add(guestName, token: [], isRegistered: false)
            } catch {
                log("a link of guest \(guestName) is not taken: \(error.text)")
                return socket.close()
            }
        }
        let handler = NIOLoopBound(
            LinkHandler(identifier: makeIdentifier(), guestName: guestName, proxy: self), eventLoop: eventLoop)
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
            }
            .withConnectedSocket(socket.rawValue)
            .whenFailure { error in
                core.value.log("a link of guest \(guestName) is not taken: \(error)")
                core.value.forgetIfUnused(guestName)
            }
    }

    /// Why an agent's hello is not accepted, or nil.
    func refusal(of hello: Hello, from link: LinkHandler) -> String? {
        guard let guest = guests[link.guestName] else { return "there is no such guest" }
        guard guest.token.isEmpty || isEqual(guest.token, hello.token) else {
            let reason = "wrong token"
            linkRefused(link, reason: reason)
            return reason
        }
        if guest.bootID != hello.bootID {
            guest.bootID = hello.bootID
            guest.status.steps = []
            guest.status.warnings = []
            guest.status.state = .booting
            guest.agent = nil
        }
        return nil
    }

    func linkRefused(_ link: LinkHandler, reason: String) {
        let reason = configuration.limits.cleaned(reason)
        log("a link of guest \(link.guestName) was refused: \(reason)")
        guests[link.guestName]?.launcher?.send(.linkRefused(reason: reason))
        forgetIfUnused(link.guestName)
    }

    func linkUp(_ link: LinkHandler) {
        guard let guest = guests[link.guestName] else { return link.close("the guest is gone") }
        if guest.links.count >= configuration.limits.linksPerGuest { guest.links[0].close("a newer link took its place") }
        guest.links.append(link)
        log("guest \(guest.name) is linked: \(link.software)")
        guest.launcher?.send(.linkUp(LinkStatus(id: link.identifier, streams: 0, software: link.software)))
        BootFollower.follow(link, proxy: self)
        link.flush()
        resumeWaiters(of: guest)
    }

    func linkDown(_ link: LinkHandler, reason: String) {
        guard let guest = guests[link.guestName] else { return }
        guest.links.removeAll { $0 === link }
        log("a link of guest \(guest.name) is lost: \(reason)")
        guest.launcher?.send(.linkDown(reason: configuration.limits.cleaned(reason), remaining: guest.links.count))
        forgetIfUnused(guest.name)
    }

    /// A guest that nobody registered lives as long as its links.
    private func forgetIfUnused(_ name: String) {
        guard let guest = guests[name], !guest.isRegistered, guest.links.isEmpty else { return }
        remove(guest, reason: "its last link is lost")
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
        let known = guests.keys.sorted().joined(separator: ", ")
        return ConnectFault(text: "no guest '\(name)' here; there are: \(known.isEmpty ? "none" : known)")
    }

    // MARK: Waiting for a guest

    /// Calls `resume` once: with the guest's link as soon as it has booted (`now`: as soon as it is linked), or with why that
    /// did not happen in time. Returns the waiter's number, nil when `resume` was called already.
    func whenLinked(
        _ name: String, now: Bool, resume: @escaping (Result<LinkHandler, ConnectFault>) -> Void
    ) -> Int? {
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

    private func resumeWaiters(of guest: Guest) {
        guard let link = guest.link else { return }
        for (identifier, waiter) in guest.waiters where waiter.now || guest.isBooted {
            guest.waiters[identifier] = nil
            waiter.timeout.cancel()
            waiter.resume(.success(link))
        }
    }
}
