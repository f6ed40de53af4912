/// One side of a yamux connection, as a value without I/O: give it the bytes that arrived, take events and the bytes to
/// write. The same code serves the guest's epoll loop and the host's NIO channels.
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
    var output: [UInt8] = []
    private var events = EventQueue()
    /// Streams whose owners wait for a `writable` event.
    private var starved: Set<UInt32> = []
    private var nextStream: UInt32
    /// The highest stream that the peer has opened: identifiers only grow.
    private var highestPeerStream: UInt32 = 0
    private var peerWentAway = false
    private var parser = FrameParser()
    private var failure: YamuxError?

    /// A connection on which nothing was sent or received.
    public init(role: Role, limits: YamuxLimits = YamuxLimits()) {
        self.role = role
        self.limits = limits
        nextStream = role == .client ? 1 : 2
    }

    /// How many streams are open.
    public var streamCount: Int { streams.count }

    // MARK: Receiving

    /// Takes bytes that arrived, in pieces of any size. Events follow from `nextEvent`.
    ///
    /// - Throws: what ends the connection. The go-away that says so to the peer is in the output; later calls throw the
    ///   same error.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(YamuxError) {
        if let failure { throw failure }
        do throws(YamuxError) {
            var rest = bytes
            while !rest.isEmpty {
                let step = try parser.take(rest)
                rest = UnsafeRawBufferPointer(rebasing: rest[step.used...])
                switch step.found {
                case .nothing: break
                case .header(let header): try handle(header)
                case .data(let stream, let data): receiveData(stream, data)
                }
            }
            guard output.count <= limits.maximumOutput else { throw .outputLimit(output.count) }
        } catch {
            failure = error
            Header(.goAway, length: 1).append(to: &output)
            throw error
        }
    }

    /// The next event; nil when all are taken.
    public mutating func nextEvent() -> YamuxEvent? { events.next() }

    private mutating func handle(_ header: Header) throws(YamuxError) {
        switch header.type {
        case .ping:
            if header.flags.contains(.syn) {
                Header(.ping, .ack, length: header.length).append(to: &output)
            } else if header.flags.contains(.ack) {
                events.append(.pong(header.length))
            }
        case .goAway:
            peerWentAway = true
            events.append(.goAway(header.length))
        case .data, .windowUpdate: try handleStream(header)
        }
    }

    private mutating func handleStream(_ header: Header) throws(YamuxError) {
        let identifier = header.stream
        if header.flags.contains(.syn) { try accept(identifier) }
        guard var stream = streams[identifier] else {
            // Late frames of a stream that we have forgotten: their data is passed over.
            if header.type == .data { parser.skip(header.length) }
            return
        }
        if header.flags.contains(.rst) {
            forget(identifier)
            events.append(.reset(identifier))
            if header.type == .data { parser.skip(header.length) }
            return
        }
        if header.type == .windowUpdate {
            let (window, overflow) = stream.sendWindow.addingReportingOverflow(header.length)
            guard !overflow else { throw .windowOverflow(stream: identifier) }
            stream.sendWindow = window
            wake(identifier, stream)
        } else {
            guard !stream.peerFinished || header.length == 0, header.length <= stream.receiveWindow else {
                throw .windowExceeded(stream: identifier)
            }
            stream.receiveWindow -= header.length
            parser.expect(header.length, of: identifier, finishes: header.flags.contains(.fin))
        }
        streams[identifier] = stream
        // FIN counts after the frame's own data.
        if header.flags.contains(.fin), header.type == .windowUpdate || header.length == 0 { finishPeer(identifier) }
    }

    private mutating func accept(_ identifier: UInt32) throws(YamuxError) {
        let parity: UInt32 = role == .client ? 0 : 1
        guard identifier != 0, identifier & 1 == parity, identifier > highestPeerStream else { throw .badStream(identifier) }
        highestPeerStream = identifier
        guard streams.count < limits.maximumStreams else {
            Header(.windowUpdate, .rst, stream: identifier).append(to: &output)
            return
        }
        streams[identifier] = StreamState()
        Header(.windowUpdate, .ack, stream: identifier).append(to: &output)
        events.append(.opened(identifier))
    }

    private mutating func receiveData(_ identifier: UInt32, _ data: FrameParser.Data) {
        guard streams[identifier] != nil else { return }
        if !data.bytes.isEmpty { events.append(.data(identifier, data.bytes)) }
        if data.isLast { finishPeer(identifier) }
    }

    private mutating func finishPeer(_ identifier: UInt32) {
        guard var stream = streams[identifier], !stream.peerFinished else { return }
        stream.peerFinished = true
        if stream.isOver { forget(identifier) } else { streams[identifier] = stream }
        events.append(.finished(identifier))
    }

    private mutating func wake(_ identifier: UInt32, _ stream: StreamState) {
        guard stream.sendWindow > 0, output.count < limits.preferredOutput, starved.remove(identifier) != nil else { return }
        events.append(.writable(identifier))
    }

    private mutating func forget(_ identifier: UInt32) {
        streams[identifier] = nil
        starved.remove(identifier)
    }

    // MARK: Sending

    /// Opens a stream. The peer learns of it at once.
    ///
    /// - Throws: `noMoreStreams`.
    public mutating func open() throws(YamuxError) -> UInt32 {
        guard failure == nil, !peerWentAway, streams.count < limits.maximumStreams, nextStream < UInt32.max - 2 else {
            throw .noMoreStreams
        }
        let identifier = nextStream
        nextStream += 2
        streams[identifier] = StreamState()
        Header(.windowUpdate, .syn, stream: identifier).append(to: &output)
        return identifier
    }

    /// How many bytes `send` would take now. A caller that finds fewer than `wanted` gets a `writable` event when that changes.
    public mutating func sendCapacity(_ identifier: UInt32, wanted: Int = 1) -> Int {
        guard let stream = streams[identifier], !stream.weFinished else { return 0 }
        let capacity = min(Int(stream.sendWindow), max(0, limits.preferredOutput - output.count))
        if capacity < wanted { starved.insert(identifier) }
        return capacity
    }

    /// Takes as many of `bytes` as the peer's window and the output limit allow. When that is not all, a `writable` event
    /// follows. 0 for a stream that is finished or unknown.
    public mutating func send(_ identifier: UInt32, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard var stream = streams[identifier], !stream.weFinished else { return 0 }
        let count = min(bytes.count, Int(stream.sendWindow), max(0, limits.preferredOutput - output.count))
        var sent = 0
        while sent < count {
            let length = min(count - sent, limits.maximumFrame)
            Header(.data, stream: identifier, length: UInt32(length)).append(to: &output)
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[sent..<sent + length]))
            sent += length
        }
        stream.sendWindow -= UInt32(count)
        if count < bytes.count { starved.insert(identifier) }
        streams[identifier] = stream
        return count
    }

    /// Says that we send no more on this stream; receiving goes on.
    public mutating func finish(_ identifier: UInt32) {
        guard var stream = streams[identifier], !stream.weFinished else { return }
        stream.weFinished = true
        Header(.windowUpdate, .fin, stream: identifier).append(to: &output)
        if stream.isOver { forget(identifier) } else { streams[identifier] = stream }
    }

    /// Ends a stream at once, both ways, and forgets it.
    public mutating func reset(_ identifier: UInt32) {
        guard streams[identifier] != nil else { return }
        forget(identifier)
        Header(.windowUpdate, .rst, stream: identifier).append(to: &output)
    }

    /// The application has used `count` bytes of the stream: the peer may send as many more. Credit travels in lumps of
    /// half a window, as in the original.
    public mutating func consumed(_ identifier: UInt32, _ count: Int) {
        guard var stream = streams[identifier], !stream.peerFinished, count > 0 else { return }
        // Never more than was sent: the window cannot outgrow its initial size.
        let owed = StreamState.initialWindow - stream.receiveWindow
        stream.uncredited = min(owed, stream.uncredited + UInt32(min(count, Int(StreamState.initialWindow))))
        if stream.uncredited >= StreamState.initialWindow / 2 {
            Header(.windowUpdate, stream: identifier, length: stream.uncredited).append(to: &output)
            stream.receiveWindow += stream.uncredited
            stream.uncredited = 0
        }
        streams[identifier] = stream
    }

    /// Asks the peer for a `pong` with this value.
    public mutating func ping(_ value: UInt32) { Header(.ping, .syn, length: value).append(to: &output) }

    /// Says that we take no more streams: 0 normal, 1 protocol error, 2 internal error.
    public mutating func goAway(_ reason: UInt32) { Header(.goAway, length: reason).append(to: &output) }

    // MARK: Output

    /// How many bytes wait to be written.
    public var outputCount: Int { output.count }

    /// Takes the bytes to write, in order. Streams that waited for room become writable.
    public mutating func takeOutput() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &output)
        for identifier in Array(starved) {
            if let stream = streams[identifier] { wake(identifier, stream) }
        }
        return taken
    }
}
