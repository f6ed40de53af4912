internal import AgentProtocol
internal import ControlProtocol
internal import NIOCore
internal import Yamux

/// Who uses a stream of a link. Called on the event loop.
protocol LinkStreamOwner: AnyObject {
    /// Bytes arrived. Their credit is the owner's to give, with `LinkHandler.consumed`.
    func streamReceived(_ bytes: ArraySlice<UInt8>)
    /// All that came with one read of the link was handed over: what is written in lumps can be written.
    func streamPaused()
    /// The guest sends no more on the stream.
    func streamFinished()
    /// The stream is gone: reset by the guest, or with its link. The text says why.
    func streamLost(_ reason: String)
    /// The stream takes bytes again.
    func streamWritable()
    /// Bytes that wait here for the other side to take them.
    var heldBytes: Int { get }
    /// Ends the stream and lets go of what it holds: there is too much in all.
    func cutOff()
}

extension LinkStreamOwner {
    func streamPaused() {}
}

/// One link: the two hellos, then yamux between its channel and the streams' owners. On a channel without ends it is one
/// link after another.
final class LinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var identifier: Int
    /// The guest; what is known of it before the hello, from the way the link came.
    var guestName: String
    let origin: LinkOrigin
    /// What the agent proved itself with.
    private(set) var token: [UInt8] = []
    private(set) var bootID = ""
    private(set) var software = ""
    private(set) var transport: LinkTransport
    private let proxy: ProxyCore
    private var context: ChannelHandlerContext?
    private var writer: SocketWriter?
    private var input: LinkInput
    private var yamux: YamuxConnection
    private var health = LinkHealth(now: 0, asksAlways: true)
    private var owners: [UInt32: any LinkStreamOwner] = [:]
    var held = HeldBytes()
    /// Who was given bytes since the last pause.
    private var receivers: [any LinkStreamOwner] = []
    private var closeReason = "the guest closed it"
    private(set) var isClosing = false
    private var isUp = false
    /// It takes no more streams; those that there are go on.
    private var guestLeaves = false
    /// What arrived and was not looked at: the link has had its turn of the event loop.
    private var inbox = CircularBuffer<ByteBuffer>()
    private var eventsLeft: Int
    private var isPaused = false
    private var isReadWanted = false
    private var isFlushing = false
    private var hasReceived = false
    private var healthCheck: Scheduled<Void>?
    private var heldRelease: Scheduled<Void>?
    private var helloCheck: Scheduled<Void>?

    init(_ origin: LinkOrigin, proxy: ProxyCore) {
        self.origin = origin
        self.proxy = proxy
        identifier = proxy.makeIdentifier()
        eventsLeft = proxy.configuration.limits.eventsPerTurn
        guestName = origin.guestName ?? "?"
        transport = origin.transport
        input = LinkInput(hasEnd: origin.hasEnd, passedOverLimit: proxy.configuration.limits.bytesBeforeHello)
        yamux = YamuxConnection(role: .server, limits: proxy.configuration.limits.yamux)
    }

    var streamCount: Int { owners.count }
    var isHealthy: Bool { isUp && health.isHealthy(now: now) }
    var roundTrip: UInt64? { health.roundTrip }

    var rating: LinkRating {
        LinkRating(isHealthy: isHealthy, transport: transport, roundTrip: roundTrip, identifier: identifier, takesStreams: !guestLeaves)
    }

    var status: LinkStatus {
        LinkStatus(
            id: identifier, streams: streamCount, software: software, transport: transport.rawValue, roundTripMicroseconds: roundTrip,
            isHealthy: isHealthy)
    }

    /// Microseconds.
    private var now: UInt64 { proxy.eventLoop.now.uptimeNanoseconds / 1_000 }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        writer = SocketWriter(context)
        proxy.awaitHello(self)
        proxy.busyPoll.stop()
        // At the other end of a link socket is QEMU, whose guest may need any time to boot.
        if origin.hasEnd { expectHello(context) }
    }

    private func expectHello(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        helloCheck = context.eventLoop.scheduleTask(in: proxy.configuration.limits.helloTime) {
            let link = bound.value
            if !link.isUp, !link.isClosing { link.proxy.refuseLink(link, "no hello within the time for it") }
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        // An agent may have been connected through this chardev to a proxy that is no more, and not know that it is.
        if !origin.hasEnd { write(Hello(software: ProxyConfiguration.software, isRequest: true).encoded()) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !hasReceived, !origin.hasEnd { expectHello(context) }
        hasReceived = true
        heldRelease?.cancel()
        heldRelease = nil
        health.received(now: now)
        let buffer = unwrapInboundIn(data)
        proxy.busyPoll.received(buffer.readableBytes, from: writer?.socket, of: .link)
        inbox.append(buffer)
        work()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isPaused { eventsLeft = proxy.configuration.limits.eventsPerTurn }
        flush()
        if input.heldCount > 0 {
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            heldRelease = context.eventLoop.scheduleTask(in: proxy.configuration.limits.heldTime) { bound.value.releaseHeld() }
        }
        context.fireChannelReadComplete()
        if !isPaused { proxy.waitAwake(after: writer?.socket) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isClosing {
            // What the guest sent before it closed the link is its clients'.
            (isPaused, eventsLeft) = (false, .max)
            work()
        }
        inbox.removeAll()
        proxy.stopAwaitingHello(self)
        proxy.busyPoll.forget(writer?.socket)
        goDown(closeReason)
        heldRelease?.cancel()
        // Its link would be kept until then: as many as a guest can make in that time.
        helloCheck?.cancel()
        (self.context, writer) = (nil, nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close("\(error)")
    }

    /// Ends the link; its streams' owners are told.
    func close(_ reason: String) {
        guard !isClosing else { return }
        isClosing = true
        closeReason = reason
        context?.close(promise: nil)
    }

    // MARK: Bytes

    /// Looks at what has arrived until the link has had its turn.
    private func work() {
        yamux.advance(to: now)
        if !isPaused { handleEvents() }
        while !isPaused, !isClosing, var buffer = inbox.popFirst() {
            buffer.moveReaderIndex(forwardBy: buffer.withUnsafeReadableBytes { receive($0) })
            if buffer.readableBytes > 0 { inbox.prepend(buffer) }
        }
    }

    /// Lets the others have their turn before this link goes on. Nothing more is read until then.
    private func pause() {
        guard !isPaused else { return }
        isPaused = true
        proxy.inNextTurn { self.goOn() }
    }

    private func goOn() {
        guard isPaused, let context else { return }
        (isPaused, eventsLeft) = (false, proxy.configuration.limits.eventsPerTurn)
        work()
        flush()
        guard !isPaused, isReadWanted else { return }
        isReadWanted = false
        context.read()
    }

    func read(context: ChannelHandlerContext) {
        if isPaused { isReadWanted = true } else { context.read() }
    }

    /// Takes bytes up to the end of the next hello, and says how many those are.
    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var violation: YamuxError?
        do {
            let found = try input.take(bytes, token: proxy.token(of: guestName)) { feed($0, &violation) }
            if let found {
                // What came before is the link's that ends with this, and is not put off.
                eventsLeft = .max
                handleEvents()
                eventsLeft = 0
                if begin(with: found.hello) { pause() }
                return found.used
            }
            handleEvents()
        } catch {
            proxy.refuseLink(self, error.text)
            return bytes.count
        }
        if let violation { breakOff(violation) }
        return bytes.count
    }

    private func releaseHeld() {
        var violation: YamuxError?
        input.release { feed($0, &violation) }
        handleEvents()
        if let violation { breakOff(violation) }
        flush()
    }

    private func feed(_ bytes: UnsafeRawBufferPointer, _ violation: inout YamuxError?) {
        guard violation == nil else { return }
        do { try yamux.receive(bytes) } catch { violation = error }
    }

    private func breakOff(_ violation: YamuxError) {
        proxy.logFault("link \(identifier) of guest \(guestName) broke the protocol: \(violation.text)", of: guestName)
        flush()
        close("the guest broke the protocol: \(violation.text)")
    }

    // MARK: Up and down

    /// The link is this hello's from here on; false when it is not accepted.
    private func begin(with hello: Hello) -> Bool {
        if isUp {
            goDown("the agent has connected anew", isFollowed: true)
            identifier = proxy.makeIdentifier()
            yamux = YamuxConnection(role: .server, limits: proxy.configuration.limits.yamux)
        }
        if let refusal = proxy.refusal(of: hello, from: self) {
            write(Hello(software: ProxyConfiguration.software, nonce: hello.nonce, refusal: refusal).encoded())
            close(refusal)
            return false
        }
        proxy.stopAwaitingHello(self)
        token = hello.token
        bootID = hello.bootID
        software = proxy.configuration.limits.cleaned(hello.software)
        transport = hello.transport ?? origin.transport
        write(Hello(software: ProxyConfiguration.software, nonce: hello.nonce).encoded())
        (isUp, guestLeaves) = (true, false)
        health = LinkHealth(now: now, asksAlways: true)
        allowLargeWindows(!proxy.load.isMemoryShort)
        checkHealth()
        proxy.linkUp(self)
        return true
    }

    /// - Parameter isFollowed: whether the next link on the channel begins at once.
    private func goDown(_ reason: String, isFollowed: Bool = false) {
        healthCheck?.cancel()
        let lost = owners
        owners.removeAll()
        for owner in lost.values { owner.streamLost("the link was lost: \(reason)") }
        guard isUp else { return }
        isUp = false
        proxy.linkDown(self, reason: reason, isFollowed: isFollowed)
    }

    private func checkHealth() {
        guard isUp, let context else { return }
        switch health.next(now: now) {
        case .nothing: break
        case .ping(let value):
            yamux.ping(value)
            flush()
        case .lost: return close("nothing came from the guest for \(LinkHealth.lostAfter / 1_000_000) s")
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let delay = TimeAmount.microseconds(Int64(health.nextDeadline - min(now, health.nextDeadline)) + 1)
        healthCheck = context.eventLoop.scheduleTask(in: delay) { bound.value.checkHealth() }
    }

    /// Whether windows may be larger than they have to be.
    func allowLargeWindows(_ areAllowed: Bool) { yamux.limitExtraWindow(to: areAllowed ? .max : 0) }

    /// A newer link over the same transport came up: this one may be dead, and is not used until it has answered.
    func doubt() {
        guard isUp, let value = health.doubt(now: now) else { return }
        yamux.ping(value)
        flush()
    }

    // MARK: Yamux

    private func handleEvents() {
        while eventsLeft > 0, let event = yamux.nextEvent() {
            eventsLeft -= 1
            switch event {
            // Nothing that an agent opens is served yet: guests only answer.
            case .opened(let stream): yamux.reset(stream)
            case .data(let stream, let bytes):
                guard let owner = owners[stream] else {
                    yamux.consumed(stream, bytes.count)
                    continue
                }
                if receivers.last !== owner { receivers.append(owner) }
                owner.streamReceived(bytes)
            case .finished(let stream): owners[stream]?.streamFinished()
            case .reset(let stream): owners.removeValue(forKey: stream)?.streamLost("the guest ended it")
            case .writable(let stream): owners[stream]?.streamWritable()
            case .pong(let value):
                health.answered(value, now: now)
                yamux.roundTrip = health.roundTrip
            case .goAway: guestLeaves = true
            }
        }
        // Writing what they were given may bring more events, which are handled on the way.
        while let receiver = receivers.popLast() { receiver.streamPaused() }
        if eventsLeft == 0 { pause() }
    }

    /// Writes what yamux has to say while the socket takes it. What it does not take stays in yamux, whose limits then hold
    /// back the streams.
    func flush() {
        guard let writer, !isFlushing, yamux.outputCount > 0 else { return }
        isFlushing = true
        defer { isFlushing = false }
        yamux.advance(to: now)
        var written = 0
        while yamux.outputCount > 0, writer.isReady {
            guard written < proxy.configuration.limits.bytesPerTurn else { return proxy.inNextTurn { self.flush() } }
            let output = yamux.takeOutput()
            written += output.count
            write(output)
            if !isPaused { handleEvents() }
        }
    }

    private func write(_ bytes: [UInt8]) {
        _ = writer?.write(bytes[...]) { [weak self] _ in self?.flush() }
        writer?.flush()
    }

    // MARK: Streams

    /// Opens a stream for `owner`, which asks for `service`; the agent's answer arrives as its first frame.
    func open(_ service: String, owner: any LinkStreamOwner) throws(YamuxError) -> UInt32 {
        let stream = try yamux.open()
        owners[stream] = owner
        _ = Frame(.open, text: service).encoded().withUnsafeBytes { yamux.send(stream, $0) }
        return stream
    }

    /// Sends as much as the stream takes, and says how much that was; `streamWritable` follows when it was not all.
    func send(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer) -> Int { yamux.send(stream, bytes) }
    /// How much the stream takes now; `streamWritable` follows when that is nothing.
    func capacity(_ stream: UInt32) -> Int { yamux.sendCapacity(stream) }
    func consumed(_ stream: UInt32, _ count: Int) {
        yamux.advance(to: now)
        yamux.consumed(stream, count)
    }
    /// No more is sent on the stream; the owner goes on receiving.
    func finish(_ stream: UInt32) { yamux.finish(stream) }

    /// Ends the stream at once, and forgets its owner.
    func reset(_ stream: UInt32) {
        owners[stream] = nil
        yamux.reset(stream)
    }

    /// The stream is over in both directions.
    func release(_ stream: UInt32) { owners[stream] = nil }
}
