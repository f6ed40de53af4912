internal import NIOCore

/// The end of a client's connection that leaves the client time to read its last bytes.
///
/// A socket that is closed while its client still writes answers the write with EPIPE, and many clients (socat is one) then leave
/// without having read what came before. So the client first learns of the end as the end of what it reads, what it writes is
/// read and forgotten, and the connection is closed when the client closes it, at the latest after `ProxyLimits.lingerTime`.
final class LingeringClose: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Ends the connection behind all that was written to it. Its handlers get no more bytes, but still learn that it is gone.
    static func begin(_ context: ChannelHandlerContext, _ limits: ProxyLimits) {
        guard context.channel.isActive else { return context.close(promise: nil) }
        do {
            try context.pipeline.syncOperations.addHandler(LingeringClose(), position: .first)
        } catch {
            return context.close(promise: nil)
        }
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let deadline = context.eventLoop.scheduleTask(in: limits.lingerTime) { bound.value.close(promise: nil) }
        context.channel.closeFuture.whenComplete { _ in deadline.cancel() }
        context.read()
    }

    /// The same, behind this last word.
    static func begin(_ context: ChannelHandlerContext, after last: ByteBuffer, _ limits: ProxyLimits) {
        context.writeAndFlush(NIOAny(last)).assumeIsolated().whenComplete { _ in begin(context, limits) }
    }

    /// Forgotten.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {
        context.read()
        context.fireChannelReadComplete()
    }
}
