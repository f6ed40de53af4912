internal import NIOCore

/// A connection of a guest without an agent: a shell's input and output.
final class RawLinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let identifier: Int
    /// Whether the shell can be told that its input ends, and tells us of its own end.
    let hasEnd: Bool
    /// Who gets what the shell writes.
    var client: RawClientHandler?
    private let guest: RawGuest
    private var context: ChannelHandlerContext?
    private var hadClient = false
    private var isFinishing = false

    init(_ guest: RawGuest, hasEnd: Bool) {
        self.guest = guest
        self.hasEnd = hasEnd
        identifier = guest.makeIdentifier()
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        guest.linked(self)
        context.fireChannelActive()
    }

    // MARK: From the shell

    /// A client is there: reads what the shell has written and goes on writing.
    func begin() {
        hadClient = true
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guest.wasHeard()
        // What a client's commands write after it has left is not the next client's.
        guard let client else { return }
        client.write(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if client?.isWritable ?? hadClient { context.read() }
        context.fireChannelReadComplete()
    }

    /// The client takes bytes again.
    func resume() { context?.read() }

    // MARK: To the shell

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ buffer: ByteBuffer) {
        context?.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { client?.resume() }
        context.fireChannelWritabilityChanged()
    }

    /// The shell's input ends, where it can be told; what it still writes is read.
    func finish() {
        guard hasEnd, !isFinishing, let context else { return }
        isFinishing = true
        // Behind what was written.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            context.close(mode: .output, promise: nil)
        }
        context.read()
    }

    func close() { context?.close(promise: nil) }

    // MARK: Ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A shell that writes no more has ended.
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        client = nil
        guest.lost(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
