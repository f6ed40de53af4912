internal import ControlProtocol
internal import Foundation
internal import NIOCore

/// A connection to the control socket: one request line, its answer, and then what the request makes of the connection.
final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case request
        case waiting
        case client(ClientBridge)
        case launcher(LauncherConnection)
        case reader(any GuestReader)
        case done
    }

    private let proxy: ProxyCore
    private let peer: PeerGate.Peer
    private var phase = Phase.request
    private var received = ByteBuffer()
    private var waiter: (number: Int, guest: String)?
    private var inputClosed = false

    init(proxy: ProxyCore, peer: PeerGate.Peer) { (self.proxy, self.peer) = (proxy, peer) }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: proxy.configuration.limits.requestTime) {
            let (handler, context) = bound.value
            if case .request = handler.phase { handler.fail("no request line within the time for it", context) }
        }
        context.read()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch phase {
        case .client(let bridge): bridge.clientRead(buffer)
        case .request, .launcher:
            received.writeBuffer(&buffer)
            readLines(context)
        case .waiting: received.writeBuffer(&buffer)
        case .reader, .done: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .client(let bridge) = phase { bridge.clientPaused() } else { proxy.busyPoll.stop() }
        context.fireChannelReadComplete()
    }

    private func readLines(_ context: ChannelHandlerContext) {
        while true {
            switch phase {
            case .request, .launcher: break
            default: return
            }
            guard let end = received.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else {
                guard received.readableBytes < lineLimit else { return fail("the line has more than \(lineLimit) bytes", context) }
                received.discardReadBytes()
                return context.read()
            }
            let length = end - received.readerIndex
            guard length < lineLimit else { return fail("the line has more than \(lineLimit) bytes", context) }
            let line = received.readString(length: length) ?? ""
            received.moveReaderIndex(forwardBy: 1)
            if case .launcher(let launcher) = phase { launcher.received(line: line) } else { obey(line, context) }
        }
    }

    private var lineLimit: Int {
        if case .launcher = phase { ControlSocket.maximumLauncherLineLength } else { ControlSocket.maximumLineLength }
    }

    private func obey(_ line: String, _ context: ChannelHandlerContext) {
        do throws(ControlRequest.Fault) {
            switch try ControlRequest(line: line) {
            case .status: sendStatus(context)
            case .guest(let name, let token): register(name, token, context)
            case .connect(let guest, let service, let now): connect(guest, service, now, context)
            case .logs(let name, let follow):
                let limits = proxy.configuration.limits
                read(name, context) { LogReader($0, follows: follow, limits: limits, context: context) }
            case .watch(let name): read(name, context) { GuestWatch($0, context: context) }
            }
        } catch {
            fail(error.text, context)
        }
    }

    private func sendStatus(_ context: ChannelHandlerContext) {
        phase = .done
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var buffer = context.channel.allocator.buffer(string: "OK\n")
        // It has nothing that JSON has not.
        buffer.writeBytes((try? encoder.encode(proxy.status)) ?? Data())
        buffer.writeString("\n")
        closeAfter(buffer, context)
    }

    private func register(_ name: String, _ token: [UInt8], _ context: ChannelHandlerContext) {
        let launcher = LauncherConnection(guestName: name, proxy: proxy, peer: peer, context: context)
        do throws(ConnectFault) {
            try proxy.register(name, token: token, launcher: launcher)
            phase = .launcher(launcher)
            launcher.send(line: "OK")
            proxy.tellLauncher(of: name)
        } catch {
            fail(error.text, context)
        }
    }

    private func read(_ name: String, _ context: ChannelHandlerContext, _ make: (Guest) -> any GuestReader) {
        do throws(ConnectFault) {
            let guest = try proxy.guestForReader(name)
            let reader = make(guest)
            guest.readers.append(reader)
            phase = .reader(reader)
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: "OK\n")), promise: nil)
            reader.advance()
        } catch {
            fail(error.text, context)
        }
    }

    private func connect(_ guest: String, _ service: String, _ now: Bool, _ context: ChannelHandlerContext) {
        phase = .waiting
        let number = proxy.whenLinked(guest, now: now) { [weak self] result in
            guard let self else { return }
            waiter = nil
            switch result {
            case .failure(let fault): fail(fault.text, context)
            case .success(let link): bridge(service, link, context)
            }
        }
        if let number { waiter = (number, guest) }
    }

    private func bridge(_ service: String, _ link: LinkHandler, _ context: ChannelHandlerContext) {
        let early = received
        received = ByteBuffer()
        let bridge = ClientBridge(service, link: link, context: context, early: early, proxy: proxy) { [weak self] reason in
            guard let self else { return }
            if let reason { return fail(reason, context) }
            if case .client(let bridge) = phase { bridge.say("OK\n") }
        }
        phase = .client(bridge)
        if inputClosed { bridge.clientInputClosed() }
        bridge.open()
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        if case .launcher(let launcher) = phase { launcher.ended() }
        phase = .done
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        closeAfter(context.channel.allocator.buffer(string: "ERR \(line)\n"), context)
    }

    private func closeAfter(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        LingeringClose.begin(context, after: buffer, proxy.configuration.limits)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            inputClosed = true
            switch phase {
            case .client(let bridge): bridge.clientInputClosed()
            // A launcher that closes its side is gone; a request that never came does not come.
            case .launcher, .request: context.close(promise: nil)
            case .waiting, .reader, .done: break
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let waiter { proxy.stopWaiting(waiter.number, waiter.guest) }
        switch phase {
        case .client(let bridge): bridge.clientClosed()
        case .launcher(let launcher): launcher.ended()
        case .reader(let reader): reader.stop()
        case .request, .waiting, .done: break
        }
        phase = .done
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
