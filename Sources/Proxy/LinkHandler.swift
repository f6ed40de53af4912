internal import AgentProtocol
internal import NIOCore
internal import Yamux

/// Who uses a stream of a link. Called on the event loop.
protocol LinkStreamOwner: AnyObject {
    /// Bytes arrived. Their credit is the owner's to give, with `LinkHandler.consumed`.
    func streamReceived(_ bytes: [UInt8])
    /// The guest sends no more on the stream.
    func streamFinished()
    /// The stream is gone: reset by the guest, or with its link. The text says why.
    func streamLost(_ reason: String)
    /// The stream takes bytes again.
    func streamWritable()
}

/// One link: the two hellos, then yamux between its channel and the streams' owners.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let identifier: Int
    let guestName: String
    private(set) var software = ""
    private let proxy: ProxyCore
    private var context: ChannelHandlerContext?
    private var yamux: YamuxConnection
    private var greeting: [UInt8]? = []
    private var owners: [UInt32: any LinkStreamOwner] = [:]
    private var closeReason = "the guest closed it"
    private var isUp = false
    private var isFlushing = false

    init(identifier: Int, guestName: String, proxy: ProxyCore) {
        self.identifier = identifier
        self.guestName = guestName
        self.proxy = proxy
        yamux = YamuxConnection(role: .server, limits: proxy.configuration.limits.yamux)
    }

    var streamCount: Int { owners.count }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: proxy.configuration.limits.helloTime) {
            let link = bound.value
            if link.greeting != nil { link.close("no hello within the time for it") }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in
            if greeting != nil { greet(bytes) } else { receive(bytes) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flush() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let lost = owners
        owners.removeAll()
        for owner in lost.values { owner.streamLost("the link was lost: \(closeReason)") }
        if isUp { proxy.linkDown(self, reason: closeReason) }
        isUp = false
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close("\(error)")
    }

    /// Ends the link; its streams' owners are told.
    func close(_ reason: String) {
        closeReason = reason
        context?.close(promise: nil)
    }

    // MARK: Hello

    private func greet(_ bytes: UnsafeRawBufferPointer) {
        var received = greeting ?? []
        received.append(contentsOf: bytes)
        do {
            guard let (hello, length) = try Hello.decode(received[...]) else {
                greeting = received
                return
            }
            greeting = nil
            if let refusal = proxy.refusal(of: hello, from: self) {
                write(Hello(software: ProxyConfiguration.software, refusal: refusal).encoded())
                return close(refusal)
            }
            software = proxy.configuration.limits.cleaned(hello.software)
            write(Hello(software: ProxyConfiguration.software).encoded())
            isUp = true
            proxy.linkUp(self)
            let rest = received[length...]
            if !rest.isEmpty { rest.withUnsafeBytes { receive($0) } }
        } catch {
            greeting = nil
            proxy.linkRefused(self, reason: error.text)
            close(error.text)
        }
    }

    // MARK: Yamux

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        do {
            try yamux.receive(bytes)
            handleEvents()
        } catch {
            proxy.log("link \(identifier) of guest \(guestName) broke the protocol: \(error.text)")
            handleEvents()
            flush()
            close("the guest broke the protocol: \(error.text)")
        }
    }

    private func handleEvents() {
        while let event = yamux.nextEvent() {
            switch event {
            // Nothing that an agent opens is served yet: guests only answer.
            case .opened(let stream): yamux.reset(stream)
            case .data(let stream, let bytes):
                if let owner = owners[stream] { owner.streamReceived(bytes) } else { yamux.consumed(stream, bytes.count) }
            case .finished(let stream): owners[stream]?.streamFinished()
            case .reset(let stream): owners.removeValue(forKey: stream)?.streamLost("the guest ended it")
            case .writable(let stream): owners[stream]?.streamWritable()
            case .pong, .goAway: break
            }
        }
    }

    /// Writes what yamux has to say while the channel takes it. What it does not take stays in yamux, whose limits then hold
    /// back the streams.
    func flush() {
        guard let context, !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        while yamux.outputCount > 0, context.channel.isWritable {
            write(yamux.takeOutput())
            handleEvents()
        }
    }

    private func write(_ bytes: [UInt8]) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
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
    func consumed(_ stream: UInt32, _ count: Int) { yamux.consumed(stream, count) }
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
