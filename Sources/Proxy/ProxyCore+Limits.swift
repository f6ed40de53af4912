internal import NIOCore

/// What is counted over all guests and clients, so that none of them can have it all.
struct ProxyLoad {
    /// Connections to the proxy's sockets.
    var connections = 0
    /// Bytes that clients or guests have not taken yet.
    var heldBytes = 0
    /// Whether so much waits that no window may be larger than it has to be.
    var isMemoryShort = false
    /// Links that have not said hello, by the way they came; the oldest first.
    var newLinks: [LinkOrigin: [LinkHandler]] = [:]
    /// Work that has had its turn of the event loop, and goes on in the next.
    var nextTurn: [() -> Void] = []
    var isInTurn = false
    /// What is logged because of somebody, and how many links somebody makes.
    var logged: [String: (rate: RateLimit, leftOut: Int)] = [:]
    var linked: [String: RateLimit] = [:]
}

/// Why a connection is closed before anything is read from it.
struct NotAdmitted: Error {}

extension ProxyCore {
    /// Microseconds.
    var now: UInt64 { eventLoop.now.uptimeNanoseconds / 1_000 }

    // MARK: Connections

    /// Counts a connection at `path`, or throws: when its peer may not use the proxy, or there are too many.
    func admit(_ peer: PeerGate.Peer, at path: String, _ channel: any Channel) throws {
        guard gate.admits(peer) else {
            refuse(peer, at: path)
            throw NotAdmitted()
        }
        guard load.connections < configuration.limits.connectionsInAll else {
            log("a connection to \(path) is closed: there are \(load.connections) already", because: "of too many connections")
            throw NotAdmitted()
        }
        load.connections += 1
        busyPoll.stop()
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        channel.closeFuture.whenComplete { _ in core.value.load.connections -= 1 }
    }

    func refuse(_ peer: PeerGate.Peer, at path: String) {
        log(
            "refused a connection to \(path): process \(peer.process) of user \(peer.user), who is not allowed (--allow-uid)",
            because: "of user \(peer.user)")
    }

    // MARK: Turns

    /// Does `work` when all sockets have had a turn. NIO does what it is told to execute, and what that executes in turn, before it
    /// looks at a socket again; so this is one timer, which is never due before the loop has looked.
    func inNextTurn(_ work: @escaping () -> Void) {
        load.nextTurn.append(work)
        if load.nextTurn.count == 1, !load.isInTurn { scheduleTurn() }
    }

    /// Waits for the next piece of a conversation, when nobody else waits for a turn. All that came from the socket has been written.
    func waitAwake(after socket: CInt?) { if load.nextTurn.isEmpty { busyPoll.wait(after: socket) } }

    private func scheduleTurn() {
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .microseconds(100)) { core.value.takeTurn() }
    }

    private func takeTurn() {
        let work = load.nextTurn
        load.nextTurn = []
        load.isInTurn = true
        for item in work { item() }
        load.isInTurn = false
        if !load.nextTurn.isEmpty { scheduleTurn() }
    }

    // MARK: The log

    /// Logs what somebody other than the proxy's owner can bring about, who could fill the disk with it.
    func log(_ text: String, because reason: String, shares: Int = 1) {
        let limits = configuration.limits
        // Guests have names that their launchers choose: there are not many.
        if load.logged.count > 2 * limits.guestsInAll { load.logged.removeAll() }
        var entry =
            load.logged[reason]
            ?? (RateLimit(atOnce: max(limits.logLinesAtOnce / shares, 1), perSecond: max(limits.logLinesPerSecond / shares, 1)), 0)
        if entry.rate.take(now: now) {
            if entry.leftOut > 0 { log("left out \(entry.leftOut) lines because \(reason)") }
            entry.leftOut = 0
            log(text)
        } else {
            entry.leftOut += 1
        }
        load.logged[reason] = entry
    }

    /// Logs what a guest has brought about. Half of its lines are kept for its faults: a guest that connects and connects cannot
    /// hide what it does wrong.
    func log(_ text: String, of guest: String) { log(text, because: "of guest \(guest)", shares: 2) }

    /// Logs what a guest has done wrong.
    func logFault(_ text: String, of guest: String) { log(text, because: "of faults of guest \(guest)", shares: 2) }

    // MARK: Links

    /// A link waits for its hello. Of too many that came the same way the oldest gives way: an agent says hello at once.
    func awaitHello(_ link: LinkHandler) {
        load.newLinks[link.origin, default: []].append(link)
        guard let all = load.newLinks[link.origin], all.count > configuration.limits.newLinksPerGuest else { return }
        refuseLink(all[0], "it has said no hello, and a newer one took its place")
    }

    func stopAwaitingHello(_ link: LinkHandler) {
        load.newLinks[link.origin]?.removeAll { $0 === link }
        if load.newLinks[link.origin]?.isEmpty == true { load.newLinks[link.origin] = nil }
    }

    func refuseLink(_ link: LinkHandler, _ reason: String) {
        stopAwaitingHello(link)
        linkRefused(link, reason: reason)
        link.close(reason)
    }

    /// Whether the guest may have one more link now: each costs far more than the bytes that ask for it.
    func mayLink(_ guest: String) -> Bool {
        let limits = configuration.limits
        if load.linked.count > limits.guestsInAll { load.linked.removeAll() }
        return load.linked[guest, default: RateLimit(atOnce: limits.newLinksAtOnce, perSecond: limits.newLinksPerSecond)].take(now: now)
    }

    // MARK: Memory

    /// More or fewer bytes wait in streams of a link, which has counted them. When they are too many there, it loses the stream that holds most; when they are
    /// too many in all, the guest whose streams hold most does.
    func hold(_ change: Int, of link: LinkHandler) {
        load.heldBytes += change
        // Between half of what may be held and a quarter it stays as it was.
        let limit = configuration.limits.bytesInAll
        let isShort = load.heldBytes > (load.isMemoryShort ? limit / 4 : limit / 2)
        if isShort != load.isMemoryShort {
            load.isMemoryShort = isShort
            for guest in guests.values { for link in guest.links { link.allowLargeWindows(!isShort) } }
        }
        guard change > 0 else { return }
        while link.held.count > configuration.limits.bytesPerLink {
            guard cutOffGreatest(of: [link], link.guestName, "of \(link.held.count) on link \(link.identifier)") else { break }
        }
        while load.heldBytes > configuration.limits.bytesInAll {
            guard let greatest = guests.values.max(by: { $0.heldBytes < $1.heldBytes }),
                cutOffGreatest(of: greatest.links, greatest.name, "of \(load.heldBytes) in all")
            else { return }
        }
    }

    /// Cuts off the stream that holds most; false when none holds anything.
    private func cutOffGreatest(of links: [LinkHandler], _ guest: String, _ share: String) -> Bool {
        let owners = links.flatMap(\.held.holders)
        guard let owner = owners.max(by: { $0.heldBytes < $1.heldBytes }), owner.heldBytes > 0 else { return false }
        logFault("a stream of guest \(guest) is cut off: it holds \(owner.heldBytes) bytes that were not taken, \(share)", of: guest)
        owner.cutOff()
        return true
    }
}

extension Guest {
    /// Bytes that wait in its streams.
    var heldBytes: Int { links.reduce(0) { $0 + $1.held.count } }
}
