internal import ControlProtocol
internal import Foundation
internal import NIOCore

/// The connection on which a launcher registered its guest: events go out, `PID`, `CONSOLE` and `BYE` come in, and its end is the
/// guest's end.
final class LauncherConnection {
    private let guestName: String
    private let proxy: ProxyCore
    private let peer: PeerGate.Peer
    private let context: ChannelHandlerContext
    private var unwritten = 0
    private var saidBye = false

    init(guestName: String, proxy: ProxyCore, peer: PeerGate.Peer, context: ChannelHandlerContext) {
        self.guestName = guestName
        self.proxy = proxy
        self.peer = peer
        self.context = context
    }

    func send(_ event: GuestEvent) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let json = try? encoder.encode(event) else { return }
        send(line: String(decoding: json, as: UTF8.self))
    }

    func send(line: String) {
        let buffer = context.channel.allocator.buffer(string: line + "\n")
        let count = buffer.readableBytes
        guard unwritten + count <= proxy.configuration.limits.unreadEventBytes else {
            return proxy.log("the launcher of guest \(guestName) does not read its events; one is dropped", of: guestName)
        }
        unwritten += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.unwritten -= count }
        context.writeAndFlush(NIOAny(buffer), promise: promise)
    }

    func received(line: String) {
        switch GuestRequest(line: line) {
        case .process(let identifier): proxy.setProcess(identifier, of: guestName, launcher: peer)
        case .console(let text): proxy.console(text, of: guestName)
        case .bye:
            saidBye = true
            let isLast = proxy.unregister(guestName)
            let reply = context.channel.allocator.buffer(string: (isLast ? GuestRequest.lastByeReply : GuestRequest.byeReply) + "\n")
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.writeAndFlush(NIOAny(reply)).whenComplete { _ in
                let launcher = bound.value
                launcher.context.close(promise: nil)
                launcher.proxy.stopIfIdle()
            }
        case nil: send(line: "ERR there are PID, CONSOLE and BYE")
        }
    }

    func ended() { if !saidBye { proxy.launcherLost(guestName) } }
}
