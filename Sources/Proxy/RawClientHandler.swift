internal import NIOCore

/// A connection to the socket of a guest without an agent.
final class RawClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let guest: RawGuest
    private var context: ChannelHandlerContext?
    private var link: RawLinkHandler?
    /// What the client sent before it had the shell: NIO reads a socket to its end when that end is announced.
    private var early = ByteBuffer()
    private var inputClosed = false
    private var timeout: Scheduled<Void>?

    init(_ guest: RawGuest) { self.guest = guest }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        guest.enter(self)
        context.fireChannelActive()
    }

    // MARK: Waiting

    /// Tells the client something in the proxy's own name.
    func say(_ text: String) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: "vm-proxy: \(text)\n")), promise: nil)
    }

    func limitWait(to time: TimeAmount) {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timeout = context.eventLoop.scheduleTask(in: time) { bound.value.guest.waitIsOver(bound.value) }
    }

    // MARK: From the client

    /// The client has the shell from now on.
    func begin(_ link: RawLinkHandler) {
        timeout?.cancel()
        self.link = link
        if early.readableBytes > 0 { link.write(early) }
        early = ByteBuffer()
        if inputClosed { link.finish() } else { resume() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guest.wasHeard()
        var buffer = unwrapInboundIn(data)
        if let link { link.write(buffer) } else { early.writeBuffer(&buffer) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if let link, link.isWritable { context.read() }
        context.fireChannelReadComplete()
    }

    /// The shell takes bytes again.
    func resume() { context?.read() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            inputClosed = true
            link?.finish()
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: To the client

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ buffer: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { link?.resume() }
        context.fireChannelWritabilityChanged()
    }

    /// Ends the connection, behind all that was written to it, with a reason where the client has a right to one.
    func end(_ reason: String?) {
        guard let context else { return }
        timeout?.cancel()
        link = nil
        let text = reason.map { "vm-proxy: \($0)\n" } ?? ""
        LingeringClose.begin(context, after: context.channel.allocator.buffer(string: text), guest.limits)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        self.context = nil
        link = nil
        guest.left(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
