/// One side of a yamux connection, as a value without I/O: give it the bytes that arrived, take events and the bytes to
/// write. The same code serves the guest's epoll loop and the host's NIO channels.
///
/// Take all events after each `receive` and after each `takeOutput`: both let streams go on that waited. Streams take turns
/// at the output, so that none keeps it from the others; each has its own windows, so that one whose reader stops holds up
/// only itself.
///
/// Source: https://github.com/hashicorp/yamux/blob/master/spec.md. Nothing is added to it.
public struct YamuxConnection: Sendable {
    /// Which side this is: clients open odd streams, servers even ones.
    public enum Role: Sendable {
        /// The side that connected.
        case client
        /// The side that accepted.
        case server
    }

    let limits: YamuxLimits
    let role: Role
    var streams: [UInt32: StreamState] = [:]
    var output = OutputQueue()
    var events = EventQueue()
    var parser = FrameParser()
    var failure: YamuxError?
    var now: UInt64?

    // Opening
    var nextStream: UInt32
    var peerIdentifiers = PeerIdentifiers()
    var unannounced = UnannouncedStreams()
    var unacknowledged = 0
    var ourStreams = 0
    var weWentAway = false
    var peerWentAway = false

    // Sending
    var turns = TurnQueue()
    /// Whose turn it is, and how many bytes it still has while others wait.
    var turn: (stream: UInt32, left: Int)?

    // Receive windows
    var extraWindow = 0
    var extraWindowBudget: Int

    // Floods
    var pings: Allowance
    var unservedStreams: Allowance
    var emptyFrames: Allowance
    /// `reset` found the peer to open too many streams to no purpose; `receive` says so.
    var isFlooded = false

    /// The round trip to the peer, in microseconds, as the pings of `LinkHealth` measure it. Receive windows grow only when it is known.
    public var roundTrip: UInt64?

    /// A connection on which nothing was sent or received.
    public init(role: Role, limits: YamuxLimits = YamuxLimits()) {
        self.role = role
        self.limits = limits
        nextStream = role == .client ? 1 : 2
        extraWindowBudget = limits.maximumExtraWindow
        pings = Allowance(perSecond: limits.pingsPerSecond)
        unservedStreams = Allowance(perSecond: limits.unservedStreamsPerSecond)
        emptyFrames = Allowance(perSecond: limits.emptyFramesPerSecond)
    }

    /// How many streams are open.
    public var streamCount: Int { streams.count }

    /// Tells the time: microseconds of a clock that never goes back. Call it before the other methods in each turn of the
    /// event loop. Without it windows do not grow and the limits per second do not count.
    public mutating func advance(to now: UInt64) { self.now = max(now, self.now ?? 0) }

    // MARK: Opening and ending

    /// Opens a stream. Data can be sent on it at once.
    ///
    /// - Throws: `tooManyStreams`, `goneAway` or `identifiersUsedUp`; the connection goes on.
    public mutating func open() throws(YamuxError) -> UInt32 {
        guard failure == nil, !peerWentAway else { throw .goneAway }
        guard ourStreams < limits.maximumStreams else { throw .tooManyStreams(limits.maximumStreams) }
        guard nextStream < UInt32.max - 2 else { throw .identifiersUsedUp }
        let identifier = nextStream
        nextStream += 2
        ourStreams += 1
        streams[identifier] = StreamState(.unannounced)
        unannounced.append(identifier)
        announce()
        return identifier
    }

    /// Says that we send no more on this stream; receiving goes on.
    public mutating func finish(_ identifier: UInt32) {
        guard failure == nil, var stream = streams[identifier], !stream.weFinished else { return }
        stream.weFinished = true
        stream.wanted = 0
        let header = Header(.windowUpdate, .fin, stream: identifier)
        if stream.opening == .unannounced {
            unannounced.add(to: identifier) { header.append(to: &$0) }
        } else {
            output.append(header)
        }
        streams[identifier] = stream
        if stream.isOver { forget(identifier) }
    }

    /// Ends a stream at once, both ways, and forgets it. Events that were not taken yet may still name it.
    public mutating func reset(_ identifier: UInt32) {
        guard failure == nil, let stream = streams[identifier] else { return }
        forget(identifier)
        if stream.opening != .unannounced { output.append(Header(.windowUpdate, .rst, stream: identifier)) }
        if wasUnserved(identifier, stream), !unservedStreams.take(now: now) { isFlooded = true }
    }

    /// Asks the peer for a `pong` with this value.
    public mutating func ping(_ value: UInt32) {
        guard failure == nil else { return }
        output.appendUrgent(Header(.ping, .syn, length: value))
    }

    /// Says that we take no more streams, and resets those that the peer still opens: 0 normal, 1 protocol error, 2 internal
    /// error. Streams that are open go on.
    public mutating func goAway(_ reason: UInt32) {
        guard failure == nil else { return }
        weWentAway = true
        output.append(Header(.goAway, length: reason))
    }

    /// Tells the peer of new streams, as many as its backlog holds.
    mutating func announce() {
        while unacknowledged < limits.maximumUnacknowledged, let next = unannounced.next() {
            guard var stream = streams[next.stream] else { continue }
            stream.opening = .announced
            unacknowledged += 1
            output.appendUrgent(Header(.windowUpdate, .syn, stream: next.stream))
            output.append(next.frames)
            queueIfReady(next.stream, &stream)
            streams[next.stream] = stream
        }
    }

    mutating func forget(_ identifier: UInt32) {
        guard let stream = streams.removeValue(forKey: identifier) else { return }
        extraWindow -= stream.receive.extra
        if turn?.stream == identifier { turn = nil }
        let live = streams
        turns.compact(live: live.count) { live[$0]?.isQueued ?? false }
        guard isOurs(identifier) else { return }
        ourStreams -= 1
        switch stream.opening {
        case .unannounced: unannounced.remove(identifier)
        case .announced:
            unacknowledged -= 1
            announce()
        case .established: break
        }
    }

    func isOurs(_ identifier: UInt32) -> Bool { identifier & 1 == (role == .client ? 1 : 0) }

    /// The peer opened it, and nothing was sent back.
    func wasUnserved(_ identifier: UInt32, _ stream: StreamState) -> Bool { !isOurs(identifier) && stream.sentAtFirst == 0 }

    // MARK: Output

    /// How many bytes wait to be written.
    public var outputCount: Int { output.count }

    /// Takes bytes to write, in order; not always all that wait, so ask until `outputCount` is 0. Streams that waited for
    /// room become writable: take the events.
    public mutating func takeOutput() -> [UInt8] { output.take() }
}
