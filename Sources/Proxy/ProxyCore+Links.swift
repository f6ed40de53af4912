internal import AgentProtocol
internal import ControlProtocol
internal import LinuxSystem
internal import NIOCore
internal import NIOPosix

extension ProxyCore {
    // MARK: Where links arrive

    /// Takes links at the guest's link socket, if it does not do so already.
    func listenForLinks(of name: String) throws(SocketFileError) {
        guard linkSockets[name] == nil else { return }
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        linkSockets[name] = try ListeningSocket(linkSocketPath(of: name), core: self, options: { $0 }) { _ in
            LinkHandler(.linkSocket(guest: name), proxy: core.value)
        }
    }

    func linkSocketPath(of name: String) -> String { "\(configuration.directory)/\(ControlSocket.linkSocketName(of: name))" }

    /// Listens at the link sockets that a killed proxy has left: QEMU connects to them again.
    func recoverLinkSockets() {
        for file in Files.names(in: configuration.directory) {
            guard let name = ControlSocket.guestName(ofLinkSocket: file), rawGuests[name] == nil else { continue }
            recoveredTokens[name] = keptToken(of: name).load()
            do throws(SocketFileError) { try listenForLinks(of: name) } catch { log("guest \(name): \(error.text)") }
        }
        guard !recoveredTokens.isEmpty else { return }
        log("guests of a proxy that was killed here need their tokens: \(recoveredTokens.keys.sorted().joined(separator: ", "))")
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: configuration.limits.recoveryTime) { core.value.forgetRecoveredTokens() }
    }

    func keptToken(of name: String) -> KeptToken { KeptToken(name, directory: configuration.directory) }

    /// Keeps the token of a guest that is registered, for a proxy that takes this one's place when it is killed.
    func keepToken(_ token: [UInt8], of name: String) {
        recoveredTokens[name] = nil
        let kept = keptToken(of: name)
        guard !token.isEmpty else { return kept.forget() }
        do throws(Errno) { try kept.keep(token) } catch {
            log("the token of guest \(name) is not kept for a proxy in this one's place: \(error.description)")
        }
    }

    /// Whoever has not been registered again by now has no launcher any more.
    func forgetRecoveredTokens() {
        for name in recoveredTokens.keys { keptToken(of: name).forget() }
        recoveredTokens.removeAll()
    }

    /// Takes the socket of one connection of a guest, which is the proxy's from now on.
    func take(_ socket: LinuxSystem.FileDescriptor, of name: String) {
        guard !isStopping else { return socket.close() }
        if let raw = rawGuests[name] { return raw.take(socket) }
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LinkHandler(.helper(guest: name), proxy: core.value))
                }
            }
            .withConnectedSocket(socket.rawValue)
            .whenFailure { error in core.value.log("a link of guest \(name) is not taken: \(error)") }
    }

    /// Takes links on an AF_VSOCK port.
    func listenForVsock(port: UInt32) -> EventLoopFuture<any Channel> {
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        return ServerBootstrap(group: eventLoop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LinkHandler(.vsock, proxy: core.value))
                }
            }
            .bind(to: VsockAddress(cid: .any, port: VsockAddress.Port(rawValue: port)))
    }

    // MARK: Whose they are

    /// What the guest's agent must present, where that is known.
    func token(of name: String) -> [UInt8] {
        let token = guests[name]?.token ?? []
        return token.isEmpty ? recoveredTokens[name] ?? [] : token
    }

    /// Makes `token` the guest's. Links that came up with another one were somebody else's.
    func setToken(_ token: [UInt8], of guest: Guest) {
        guest.token = token
        guard !token.isEmpty else { return }
        let strangers = guest.links.filter { !isEqual($0.token, token) }
        guard !strangers.isEmpty else { return }
        guest.links.removeAll { link in strangers.contains { $0 === link } }
        guest.forgetBoot()
        for link in strangers {
            log("link \(link.identifier) of guest \(guest.name) has not the token that the guest was registered with")
            link.close("wrong token")
        }
        for link in guest.links { BootFollower.follow(link, proxy: self) }
    }

    /// Why an agent's hello is not accepted, or nil.
    func refusal(of hello: Hello, from link: LinkHandler) -> String? {
        let outcome = admit(hello, from: link)
        if let outcome { linkRefused(link, reason: outcome) }
        return outcome
    }

    private func admit(_ hello: Hello, from link: LinkHandler) -> String? {
        guard !isStopping else { return ControlSocket.endingReason }
        guard mayLink(link.guestName) else { return "it makes too many links, one after another" }
        if link.origin == .vsock {
            let owner = guests.values.first { !$0.token.isEmpty && isEqual($0.token, hello.token) }
            guard let owner else { return "no guest here has this token" }
            link.guestName = owner.name
        }
        let token = token(of: link.guestName)
        guard token.isEmpty || isEqual(token, hello.token) else { return "wrong token" }
        let guest: Guest
        do throws(SocketFileError) {
            guest = try knownOrNew(link.guestName, .linked)
        } catch {
            return error.text
        }
        if guest.standing != .registered { guest.token = hello.token }
        guest.began(bootID: hello.bootID)
        return nil
    }

    func linkRefused(_ link: LinkHandler, reason: String) {
        let reason = configuration.limits.cleaned(reason)
        logFault("a link of guest \(link.guestName) was refused: \(reason)", of: link.guestName)
        guests[link.guestName]?.launcher?.send(.linkRefused(reason: reason))
        forgetIfUnused(link.guestName)
    }

    // MARK: Up and down

    func linkUp(_ link: LinkHandler) {
        guard let guest = guests[link.guestName] else { return link.close("the guest is gone") }
        let others = guest.links.filter { !$0.isClosing }
        for older in others.dropLast(configuration.limits.linksPerGuest - 1) { older.close("a newer link took its place") }
        // An agent has one link over each transport: it may have lost an older one, though the proxy has not noticed.
        for older in guest.links where older.transport == link.transport { older.doubt() }
        for older in guest.links where older.bootID != link.bootID { older.close("the guest has booted anew") }
        guest.links.append(link)
        log("guest \(guest.name) is linked over \(link.transport.rawValue): \(link.software)", of: guest.name)
        guest.launcher?.send(.linkUp(link.status))
        BootFollower.follow(link, proxy: self)
        link.flush()
        resumeWaiters(of: guest)
    }

    /// - Parameter isFollowed: whether another link of the guest begins at once.
    func linkDown(_ link: LinkHandler, reason: String, isFollowed: Bool) {
        guard let guest = guests[link.guestName] else { return }
        guest.links.removeAll { $0 === link }
        log("the link of guest \(guest.name) over \(link.transport.rawValue) is lost: \(reason)", of: guest.name)
        guest.launcher?.send(.linkDown(reason: configuration.limits.cleaned(reason), remaining: guest.links.count))
        guard guest.links.isEmpty, !isFollowed else { return }
        if guest.standing != .registered { guest.token = [] }
        forgetIfUnused(guest.name)
    }

    /// A guest that nobody registered or expects lives as long as its links.
    func forgetIfUnused(_ name: String) {
        guard let guest = guests[name], guest.standing == .linked, guest.links.isEmpty else { return }
        remove(guest, reason: "its last link is lost")
    }
}
