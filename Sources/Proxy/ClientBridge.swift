internal import AgentProtocol
internal import NIOCore
internal import Yamux

/// Joins a client's connection to a stream of a guest, bytes both ways, half-closes kept.
///
/// Nothing is held without bound: the client is read only while the stream takes bytes, and the guest gets credit for bytes
/// only when the client's socket has taken them, so a client that does not read stalls its own stream and nothing else.
final class ClientBridge: LinkStreamOwner {
    /// What a stream is to its guest, and so what the end of one direction means for the other.
    enum Kind {
        /// A shell, a command and the like: when the guest has finished, it takes no more, and the client is closed.
        case session
        /// A connection to a port or socket: each direction ends by itself.
        case connection

        init(service: String) { self = service.hasPrefix("\(Service.connect.rawValue):") ? .connection : .session }
    }

    private let proxy: ProxyCore
    private let link: LinkHandler
    private let context: ChannelHandlerContext
    private let writer: SocketWriter
    private let service: String
    private let kind: Kind
    private let onAnswer: (String?) -> Void
    private(set) var stream: UInt32?
    private var answer: FrameDecoder? = FrameDecoder()
    private var answerTimeout: Scheduled<Void>?
    private var pending: ByteBuffer
    private var clientFinished = false
    private var clientGone = false
    private var guestFinished = false
    /// The guest knows that the client has finished.
    private var toldGuest = false
    /// The client knows that the guest has finished.
    private var toldClient = false
    private var isReading = false
    private var isCounted = false
    /// What came for a client that is gone.
    private var bytesForNobody = 0
    /// As much of `heldBytes` as the proxy knows of.
    private var accounted = 0

    /// Opens a stream to `service` for the client at `context`.
    ///
    /// - Parameter onAnswer: is called once: with nil when the service is there, else with the reason why not.
    init(
        _ service: String, link: LinkHandler, context: ChannelHandlerContext, early: ByteBuffer, proxy: ProxyCore,
        onAnswer: @escaping (String?) -> Void
    ) {
        self.service = service
        kind = Kind(service: service)
        self.link = link
        self.context = context
        writer = SocketWriter(context)
        self.proxy = proxy
        self.onAnswer = onAnswer
        pending = early
    }

    deinit { answerTimeout?.cancel() }

    var heldBytes: Int { writer.queuedCount + pending.readableBytes }

    /// Tells the proxy what waits here. It may cut this stream off.
    private func account() {
        let change = heldBytes - accounted
        guard change != 0 else { return }
        accounted += change
        link.held.change(by: change, of: self, inAll: accounted)
        proxy.hold(change, of: link)
    }

    func cutOff() {
        dropStream()
        link.flush()
        pending = ByteBuffer()
        clientGone = true
        // What was written and not taken goes with the connection.
        context.close(promise: nil)
        account()
    }

    func open() {
        do {
            stream = try link.open(service, owner: self)
            account()
            link.flush()
        } catch {
            return onAnswer(error.text)
        }
        let seconds = proxy.configuration.answerSeconds
        let bound = NIOLoopBound(WeakBridge(self), eventLoop: context.eventLoop)
        answerTimeout = context.eventLoop.scheduleTask(in: .seconds(seconds)) {
            bound.value.bridge?.refuse("the guest's agent has not answered within \(seconds) s; 'vm ps' tells how its links are")
        }
    }

    /// What a timer may hold: a client that is gone does not stay for it.
    private struct WeakBridge {
        weak var bridge: ClientBridge?

        init(_ bridge: ClientBridge) { self.bridge = bridge }
    }

    // MARK: From the guest

    func streamReceived(_ bytes: ArraySlice<UInt8>) {
        guard answer != nil else { return toClient(bytes) }
        answer?.append(bytes)
        do {
            guard let frame = try answer?.next() else { return }
            let rest = answer?.takeRemainder() ?? []
            if let stream { link.consumed(stream, bytes.count - rest.count) }
            answer = nil
            answerTimeout?.cancel()
            switch frame.type {
            case .accepted:
                isCounted = true
                proxy.streamBegan(link.guestName, kind)
                // What it sent goes before an answer to nobody.
                if clientGone { pump() } else { onAnswer(nil) }
                toClient(rest)
                pump()
            case .refused: refuse(proxy.configuration.limits.cleaned(frame.text))
            default: refuse("the agent answered with a frame of type \(frame.type.rawValue)")
            }
        } catch {
            refuse("the agent's answer: \(error.text)")
        }
    }

    private func refuse(_ reason: String) {
        answer = nil
        answerTimeout?.cancel()
        dropStream()
        if !clientGone { onAnswer(reason) }
    }

    private func toClient(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        guard !clientGone else {
            // As a kernel answers what comes for a socket that was closed.
            if kind == .connection { return dropStream() }
            bytesForNobody += bytes.count
            if bytesForNobody > proxy.configuration.limits.bytesForNobody { return dropStream() }
            return credit(bytes.count)
        }
        credit(writer.write(bytes) { [self] in wasWritten($0) })
        account()
    }

    /// Tells the client something in the proxy's own name. Only when the service is there, before the guest's first byte.
    func say(_ text: String) {
        _ = writer.write(Array(text.utf8)[...]) { [self] _ in account() }
        writer.flush()
    }

    /// What one read of the link brought, and the socket did not take at once, is one write.
    func streamPaused() { if !clientGone { writer.flush() } }

    private func wasWritten(_ count: Int) {
        account()
        credit(count)
        link.flush()
        finishClientIfDone()
    }

    /// The guest may send as many bytes more.
    private func credit(_ count: Int) { if count > 0, let stream { link.consumed(stream, count) } }

    func streamFinished() {
        if answer != nil { return refuse("the agent ended the stream without an answer") }
        guestFinished = true
        finishClientIfDone()
    }

    /// When all that the guest said is written, the client learns of its end: by the end of a session's connection, or of one
    /// direction of a connection's.
    private func finishClientIfDone() {
        guard guestFinished || stream == nil, writer.queuedCount == 0 || clientGone else { return }
        if stream != nil, kind == .connection, !toldGuest {
            if !toldClient, !clientGone { context.close(mode: .output, promise: nil) }
            toldClient = true
            return
        }
        if toldGuest { releaseStream() } else { dropStream() }
        guard !clientGone else { return }
        switch kind {
        case .session: LingeringClose.begin(context, proxy.configuration.limits)
        case .connection: context.close(promise: nil)
        }
    }

    func streamLost(_ reason: String) {
        guard answer == nil else {
            stream = nil
            answerTimeout?.cancel()
            pending = ByteBuffer()
            account()
            guard !clientGone else { return }
            proxy.busyPoll.forget(writer.socket)
            onAnswer(reason)
            return
        }
        // What came before the loss is the client's.
        releaseStream()
        finishClientIfDone()
    }

    func streamWritable() { pump() }

    // MARK: From the client

    func clientRead(_ buffer: ByteBuffer) {
        isReading = false
        proxy.busyPoll.received(buffer.readableBytes, from: writer.socket, of: .client)
        if pending.readableBytes == 0 {
            pending = buffer
        } else {
            pending.writeImmutableBuffer(buffer)
        }
        pump()
        account()
    }

    /// All that could be read was.
    func clientPaused() { if isReading { proxy.waitAwake(after: writer.socket) } }

    /// The client sends no more.
    func clientInputClosed() {
        clientFinished = true
        proxy.busyPoll.forget(writer.socket)
        pump()
    }

    /// The client's connection is gone. A shell and a connection still get what was sent, and its end; any other service's stream
    /// ends.
    func clientClosed() {
        guard !clientGone else { return }
        clientGone = true
        clientFinished = true
        proxy.busyPoll.forget(writer.socket)
        if kind == .connection || (service == Service.shell.rawValue && !guestFinished) {
            // Before the service's answer it waits for that.
            pump()
        } else {
            dropStream()
            link.flush()
        }
    }

    /// Sends what the client sent, as far as the stream takes it, and reads on only when it took all.
    private func pump() {
        guard let stream, answer == nil else { return }
        if pending.readableBytes > 0 {
            let sent = pending.withUnsafeReadableBytes { link.send(stream, $0) }
            pending.moveReaderIndex(forwardBy: sent)
            if pending.readableBytes == 0 { pending = ByteBuffer() }
            account()
        }
        if pending.readableBytes == 0 {
            if clientFinished {
                link.finish(stream)
                toldGuest = true
                finishClientIfDone()
            } else if !isReading, link.capacity(stream) > 0 {
                isReading = true
                context.read()
            }
        }
        link.flush()
    }

    // MARK: Ends

    /// The stream is over in both directions, or lost.
    private func releaseStream() {
        guard let stream else { return }
        link.release(stream)
        forgetStream()
    }

    /// Ends the stream at once.
    private func dropStream() {
        guard let stream else { return }
        link.reset(stream)
        link.flush()
        forgetStream()
    }

    private func forgetStream() {
        stream = nil
        isReading = false
        pending = ByteBuffer()
        account()
        // Of a client that is gone, the number may be another's by now.
        if !clientGone { proxy.busyPoll.forget(writer.socket) }
        if isCounted { proxy.streamEnded(link.guestName, kind) }
        isCounted = false
    }
}
