internal import ControlProtocol
internal import NIOCore

/// A client that reads what a guest says, or waits for its end. Lives on the event loop.
protocol GuestReader: AnyObject {
    /// There is more in the guest's log.
    func advance()
    /// The guest is gone; the text says why.
    func guestGone(_ reason: String)
    /// The client is gone.
    func stop()
}

/// A client of `LOGS`: gets the guest's log from its beginning, as fast as it takes it.
///
/// The log waits in the guest's ring and nowhere else: a client that is too slow for it misses lines, and is told how much.
final class LogReader: GuestReader {
    private let guest: Guest
    private let limits: ProxyLimits
    private let context: ChannelHandlerContext
    private var place = 0
    /// Where it ends; nil while the guest lives and is followed.
    private var end: Int?
    private var isWriting = false

    init(_ guest: Guest, follows: Bool, limits: ProxyLimits, context: ChannelHandlerContext) {
        self.guest = guest
        self.limits = limits
        self.context = context
        place = guest.log.start
        end = follows ? nil : guest.log.end
    }

    func advance() {
        guard !isWriting else { return }
        let (first, bytes) = guest.log.read(from: place, limit: limits.logPiece)
        let rest = bytes.prefix(max(0, (end ?? .max) - first))
        if rest.isEmpty {
            if end != nil { context.close(promise: nil) }
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: rest.count + 32)
        if first > place { buffer.writeString(LogLine.lost(first - place).line + "\n") }
        buffer.writeBytes(rest)
        place = first + rest.count
        isWriting = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(NIOAny(buffer)).whenSuccess {
            bound.value.isWriting = false
            bound.value.advance()
        }
    }

    func guestGone(_ reason: String) {
        if end == nil { end = guest.log.end }
        advance()
    }

    func stop() { guest.readers.removeAll { $0 === self } }
}

/// A client of `WATCH`: told when the guest is gone.
final class GuestWatch: GuestReader {
    private let guest: Guest
    private let context: ChannelHandlerContext

    init(_ guest: Guest, context: ChannelHandlerContext) {
        self.guest = guest
        self.context = context
    }

    func advance() {}

    func guestGone(_ reason: String) {
        let line = context.channel.allocator.buffer(string: "\(ControlRequest.gone) \(reason)\n")
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(NIOAny(line)).whenComplete { _ in bound.value.close(promise: nil) }
    }

    func stop() { guest.readers.removeAll { $0 === self } }
}
