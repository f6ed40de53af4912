internal import AgentProtocol
internal import NIOCore

/// A connection to `DIR/NAME.socket`: a root shell of its own, raw bytes, nothing before or after them.
final class ShellSocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let guestName: String
    private let proxy: ProxyCore
    private var bridge: ClientBridge?
    private var waiter: Int?
    private var inputClosedEarly = false

    init(guestName: String, proxy: ProxyCore) {
        self.guestName = guestName
        self.proxy = proxy
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
                Service.shell.rawValue, link: link, context: context, early: ByteBuffer(), proxy: proxy
            ) { [weak self] reason in
                if let reason { self?.fail(reason, context) }
            }
            self.bridge = bridge
            if inputClosedEarly { bridge.clientInputClosed() }
            bridge.open()
        }
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        let text = context.channel.allocator.buffer(string: "vm-proxy: \(reason)\n")
        context.writeAndFlush(wrapOutboundOut(text)).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bridge?.clientRead(unwrapInboundIn(data)) }

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
