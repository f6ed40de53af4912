internal import AgentProtocol
internal import CLinux
internal import LinuxSystem
internal import Yamux

/// One byte stream to the proxy: a connection over one transport that is made again whenever it is lost, the two hellos,
/// then yamux.
final class Link {
    enum State {
        /// Not connected; a new attempt at this uptime (microseconds), nil for not before it is asked for.
        case idle(retryAt: UInt64?)
        /// The device is open, and the host does not hold its end; to be looked at again at this uptime.
        case waiting(FileDescriptor, lookAt: UInt64)
        /// The connection is being made, until this uptime.
        case connecting(FileDescriptor, deadline: UInt64)
        /// Our hello is sent; the proxy's is awaited.
        case greeting(FileDescriptor, Greeting)
        case open(FileDescriptor, since: UInt64)
    }

    /// How long making a connection, and waiting for the proxy's hello, may take: 10 s, in microseconds.
    static let patience: UInt64 = 10_000_000

    /// A frame and its header are one write: a virtio-serial port takes 32 KiB at once.
    private static var limits: YamuxLimits {
        var limits = YamuxLimits()
        limits.maximumFrame = (32 << 10) - 12
        // A guest may have little memory.
        limits.maximumStreamWindow = 1 << 20
        limits.maximumExtraWindow = 4 << 20
        return limits
    }

    let place: LinkPlace
    private let loop: Watcher
    private let source: EventSource
    private let hello: Hello
    private let identity: GuestIdentity
    private var state = State.idle(retryAt: nil)
    private var yamux = YamuxConnection(role: .client, limits: Link.limits)
    private var health = LinkHealth(now: 0, asksAlways: false)
    private var output = ByteQueue()
    /// Bytes that follow those of `output`.
    private var conduit = Conduit()
    private var delay: ReconnectDelay
    private var lastComplaint = ""
    /// True when the link is lost and cannot be made again.
    private(set) var isOver = false

    /// A link that is not connected.
    init(id: LinkID, _ place: LinkPlace, _ loop: Watcher, software: String, _ identity: GuestIdentity) {
        self.place = place
        self.loop = loop
        source = .link(id)
        hello = Hello(software: software, transport: place.transport)
        self.identity = identity
        delay = ReconnectDelay(longest: place.longestDelay)
    }

    /// True while streams can be used.
    var isOpen: Bool { if case .open = state { true } else { false } }

    /// Connects now, unless it is connected.
    func connect() {
        guard case .idle = state, !isOver else { return }
        do throws(LinkPlace.Fault) {
            switch try place.open() {
            case .connected(let socket): connected(socket)
            case .connecting(let socket):
                state = .connecting(socket, deadline: Uptime.microseconds + Link.patience)
                loop.watch(socket, .writable, source)
            case .waiting(let port): state = .waiting(port, lookAt: Uptime.microseconds + delay.next())
            }
        } catch {
            switch error {
            case .absent: retryLater(nil)
            case .failed(let reason): retryLater(reason)
            }
        }
    }

    /// The uptime at which `tick` has something to do; nil for never.
    var nextDeadline: UInt64? {
        switch state {
        case .idle(let retryAt): retryAt
        case .waiting(_, let deadline), .connecting(_, let deadline): deadline
        case .greeting(_, let greeting): greeting.nextDeadline
        case .open: health.nextDeadline
        }
    }

    /// Does what is due by now.
    func tick(now: UInt64) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        switch state {
        case .idle: connect()
        case .waiting(let port, _):
            if VirtioSerialPort.isHostConnected(port) {
                connected(port)
            } else {
                state = .waiting(port, lookAt: now + delay.next())
            }
        case .connecting: lose("no connection to the host within 10 s")
        case .greeting(let socket, let greeting):
            if now >= greeting.deadline { lose("no hello from the proxy within 10 s") } else { connected(socket) }
        case .open:
            yamux.advance(to: now)
            switch health.next(now: now) {
            case .nothing: break
            case .ping(let value): yamux.ping(value)
            case .lost: lose("nothing came from the proxy for 15 s")
            }
        }
    }

    /// The socket is ready: reads, or finishes connecting.
    func ready(_ ready: EventPoll.Interest) {
        switch state {
        case .idle, .waiting: break
        case .connecting(let socket, _):
            if let error = Network.connectionError(of: socket) { lose(place.refusal(error)) } else { connected(socket) }
        case .greeting, .open:
            if !ready.isDisjoint(with: [.readable, .hangUp, .error]) { receive() }
        }
    }

    // MARK: Hello

    private func connected(_ socket: FileDescriptor) {
        var hello = self.hello
        hello.bootID = identity.bootID
        hello.token = identity.token
        hello.nonce = randomBytes(8)
        output.removeAll()
        output.append(hello.encoded())
        let deadline = Uptime.microseconds + Link.patience
        state = .greeting(socket, Greeting(nonce: hello.nonce, deadline: deadline, takesPlainAnswer: place.hasEnd))
        loop.watch(socket, .readable, source)
        flush()
    }

    private func greet(_ socket: FileDescriptor, _ greeting: Greeting, _ bytes: [UInt8]) {
        var greeting = greeting
        let found = bytes.withUnsafeBytes { all in
            greeting.receive(all, now: Uptime.microseconds).map { (answer: $0.answer, used: all.count - $0.rest.count) }
        }
        guard let (answer, used) = found else {
            state = .greeting(socket, greeting)
            return
        }
        if let refusal = answer.refusal { return lose("the proxy refused the link: \(refusal)") }
        let now = Uptime.microseconds
        state = .open(socket, since: now)
        yamux = YamuxConnection(role: .client, limits: Link.limits)
        health = LinkHealth(now: now, asksAlways: false)
        // How long the way is decides how far windows grow.
        if let value = health.measure(now: now) { yamux.ping(value) }
        lastComplaint = ""
        writeKernelLog(.information, "link over \(place.transport.rawValue) to \(answer.software) is up")
        deliver(bytes[used...])
    }

    // MARK: Bytes

    /// Reads what has come. Bounded, so that others get their turn; more than once, since a turn costs as much as 64 KiB do.
    private func receive() {
        for _ in 0..<4 where !receiveOnce() { return }
    }

    /// Reads 64 KiB at most; false when there is probably nothing more.
    private func receiveOnce() -> Bool {
        let socket: FileDescriptor
        switch state {
        case .greeting(let descriptor, _), .open(let descriptor, _): socket = descriptor
        default: return false
        }
        var end: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: Link.mostRead) { buffer, count in
            end = fill(UnsafeMutableRawBufferPointer(buffer), from: socket, &count)
        }
        if !bytes.isEmpty {
            if case .greeting(_, let greeting) = state { greet(socket, greeting, bytes) } else { deliver(bytes[...]) }
        }
        if let end { lose(end) }
        return bytes.count == Link.mostRead
    }

    /// How much is read into one array, which is kept for as long as a piece of it waits.
    private static let mostRead = 64 << 10

    /// What a virtio-serial port gives at once, however much it has.
    private static let fullPortRead = 4 << 10

    /// Reads while there is more, as far as `buffer` goes. Returns why there will be no more.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from socket: FileDescriptor, _ filled: inout Int) -> String? {
        let fullRead = place.transport == .virtioSerial ? Link.fullPortRead : buffer.count
        do throws(Errno) {
            while filled < buffer.count {
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                guard let count = try socket.read(into: room) else { return nil }
                guard count > 0 else { return "the host closed the link" }
                filled += count
                // It has probably taken all there was.
                if count < min(fullRead, room.count) { return nil }
            }
            return nil
        } catch { return "the link broke: \(error.description)" }
    }

    private func deliver(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        let now = Uptime.microseconds
        health.received(now: now)
        yamux.advance(to: now)
        do throws(YamuxError) {
            try yamux.receive(bytes)
        } catch {
            // The first byte of a hello, where a frame should begin: who sent that does not want the end of our yamux.
            if error == .badVersion(Hello.magic[0]) { return lose("the proxy has begun anew") }
            flush()
            lose("the proxy broke the protocol: \(error.text)")
        }
    }

    /// Writes what there is to write, and watches for room when not all of it was taken.
    func flush() {
        let socket: FileDescriptor
        switch state {
        case .idle, .waiting, .connecting: return
        case .greeting(let open, _): socket = open
        case .open(let open, _):
            socket = open
            takeOutput()
        }
        var failure: Errno?
        var blocked = false
        while hasOutput, !blocked, failure == nil {
            _ = output.take { buffer in
                do throws(Errno) {
                    if let count = try socket.write(buffer) { return count }
                    blocked = true
                } catch { failure = error }
                return 0
            }
            if output.isEmpty, conduit.count > 0, !blocked, failure == nil {
                do throws(Errno) {
                    try emptyConduit(into: socket)
                    blocked = conduit.count > 0
                } catch { failure = error }
            }
            if isOpen { takeOutput() }
        }
        if let failure { return lose("the link broke: \(failure.description)") }
        loop.watch(socket, hasOutput ? [.readable, .writable] : .readable, source)
    }

    private var hasOutput: Bool { !output.isEmpty || conduit.count > 0 }

    private func takeOutput() { if !hasOutput, yamux.outputCount > 0 { output.append(yamux.takeOutput()) } }

    private func emptyConduit(into socket: FileDescriptor) throws(Errno) {
        do throws(Errno) { try conduit.empty(into: socket) } catch {
            // Not every device has it.
            guard error == .invalid else { throw error }
            output.append(try conduit.takeBack())
        }
    }

    // MARK: Loss

    private var wasLost = false

    /// True once after each loss of an open link: its streams are gone.
    func takeLoss() -> Bool {
        defer { wasLost = false }
        return wasLost
    }

    private func lose(_ reason: String) {
        switch state {
        case .idle: return
        case .waiting(let socket, _), .connecting(let socket, _), .greeting(let socket, _): loop.close(socket)
        case .open(let socket, let since):
            loop.close(socket)
            wasLost = true
            // One that comes and goes is not made again without pause.
            if Uptime.microseconds > since + ReconnectDelay.longest { delay.reset() }
        }
        output.removeAll()
        conduit.close()
        yamux = YamuxConnection(role: .client, limits: Link.limits)
        if case .descriptor = place { isOver = true }
        retryLater(reason)
    }

    private func retryLater(_ reason: String?) {
        state = .idle(retryAt: isOver ? nil : Uptime.microseconds + delay.next())
        // The same complaint is worth one line, not one for every attempt.
        guard let reason, reason != lastComplaint else { return }
        writeKernelLog(.notice, "link over \(place.transport.rawValue): \(reason)")
        lastComplaint = reason
    }

    // MARK: Streams

    /// Whether `nextEvent` may have one without anything happening first: writing makes room for streams that wait.
    var hasEvents: Bool { isOpen && yamux.hasEvents }

    func nextEvent() -> YamuxEvent? {
        while isOpen, let event = yamux.nextEvent() {
            guard case .pong(let value) = event else { return event }
            health.answered(value, now: Uptime.microseconds)
            yamux.roundTrip = health.roundTrip
        }
        return nil
    }

    /// Measures again how long the way is.
    func measure() { if isOpen, let value = health.measure(now: Uptime.microseconds) { yamux.ping(value) } }

    /// Whether windows may be larger than they have to be.
    func allowLargeWindows(_ areAllowed: Bool) { yamux.limitExtraWindow(to: areAllowed ? .max : 0) }

    /// How many bytes the stream takes now; with fewer than `wanted`, a `writable` event follows.
    func capacity(_ stream: UInt32, wanted: Int = 1) -> Int { yamux.sendCapacity(stream, wanted: wanted) }

    func consumed(_ stream: UInt32, _ count: Int) {
        guard count > 0 else { return }
        yamux.advance(to: Uptime.microseconds)
        yamux.consumed(stream, count)
    }
    func finish(_ stream: UInt32) { yamux.finish(stream) }
    func reset(_ stream: UInt32) { yamux.reset(stream) }

    func move(_ stream: UInt32, from pipe: FileDescriptor, as type: FrameType?) -> Int {
        guard isOpen, conduit.isUsable, conduit.count == 0 else { return 0 }
        flush()
        guard isOpen, !hasOutput else { return 0 }
        let header = type == nil ? 0 : Frame.headerLength
        // Half of the window at most for a command: it has two outputs, and neither is to take all that the client gives room for.
        let capacity = yamux.frameCapacity(stream)
        let room = type == nil ? capacity : capacity / 2 - header
        guard room >= Conduit.minimum else { return 0 }
        let count = conduit.fill(from: pipe, upTo: min(room, Conduit.limit))
        guard count > 0 else { return 0 }
        output.append(yamux.beginFrame(stream, length: header + count))
        if let type { output.append(Frame.header(type, length: count)) }
        flush()
        return count
    }

    /// Sends bytes for which the caller has seen `capacity`; a small frame on a fresh stream always has it.
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8]) { sendWhole(stream, [], bytes[...]) }

    /// The same, of a header and what follows it, which are not joined first.
    func sendWhole(_ stream: UInt32, _ header: [UInt8], _ bytes: ArraySlice<UInt8>) {
        let began = header.withUnsafeBytes { yamux.send(stream, $0) }
        guard began == header.count else { return yamux.reset(stream) }
        let sent = bytes.withUnsafeBytes { yamux.send(stream, $0) }
        // A frame cut short would garble the stream: better none.
        if sent < bytes.count { yamux.reset(stream) }
    }
}
