internal import AgentProtocol
internal import ControlProtocol
internal import NIOCore

/// A connection to `DIR/NAME.socket`: a root shell of its own, raw bytes, nothing before or after them. Only a person at a terminal
/// who enters a guest whose boot has failed is first told of that.
final class ShellSocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let guestName: String
    private let proxy: ProxyCore
    private var bridge: ClientBridge?
    private var waiter: Int?
    /// What the client sent before there was a stream for it: NIO reads a socket to its end when that end is announced.
    private var early = ByteBuffer()
    private var inputClosedEarly = false

    private let peer: PeerGate.Peer

    init(guestName: String, proxy: ProxyCore, peer: PeerGate.Peer) {
        self.guestName = guestName
        self.proxy = proxy
        self.peer = peer
    }

    func channelActive(context: ChannelHandlerContext) {
        waiter = proxy.whenLinked(guestName, now: false) { [weak self] result in
            self?.linked(result, context)
        }
        context.fireChannelActive()
    }

    private func linked(_ result: Result<LinkHandler, ConnectFault>, _ context: ChannelHandlerContext) {
        waiter = nil
        switch result {
        case .failure(let fault): fail(fault.text, context)
        case .success(let link):
            let bridge = ClientBridge(
                Service.shell.rawValue, link: link, context: context, early: early, proxy: proxy
            ) { [weak self] reason in
                if let reason { self?.fail(reason, context) } else { self?.tellFailure() }
            }
            self.bridge = bridge
            early = ByteBuffer()
            if inputClosedEarly { bridge.clientInputClosed() }
            bridge.open()
        }
    }

    /// A program's bytes are the shell's alone, also here: only a terminal gets more.
    private func tellFailure() {
        guard let text = proxy.guests[guestName]?.status.rescueText, peer.isAtTerminal else { return }
        bridge?.say(text.split(separator: "\n").map { "vm-proxy: \($0)\n" }.joined())
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        let text = context.channel.allocator.buffer(string: "vm-proxy: \(reason)\n")
        LingeringClose.begin(context, after: text, proxy.configuration.limits)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if let bridge { bridge.clientRead(buffer) } else { early.writeBuffer(&buffer) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        bridge?.clientPaused()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            if let bridge { bridge.clientInputClosed() } else { inputClosedEarly = true }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let waiter { proxy.stopWaiting(waiter, guestName) }
        bridge?.clientClosed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
