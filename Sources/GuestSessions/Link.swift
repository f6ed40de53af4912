internal import AgentProtocol
internal import LinuxSystem
internal import Yamux

/// The byte stream to the proxy: a connection that is made again whenever it is lost, the two hellos, then yamux.
final class Link {
    private enum State {
        /// Not connected; a new attempt at this uptime (microseconds), nil for not before it is asked for.
        case idle(retryAt: UInt64?)
        /// The connection is being made, until this uptime.
        case connecting(FileDescriptor, deadline: UInt64)
        /// Our hello is sent; the proxy's is awaited, until this uptime.
        case greeting(FileDescriptor, received: [UInt8], deadline: UInt64)
        case open(FileDescriptor)
    }

    static let address = IPv4Address(10, 0, 2, 6)
    static let port: UInt16 = 23
    /// How long making a connection, and waiting for the proxy's hello, may take: 10 s, in microseconds.
    private static let patience: UInt64 = 10_000_000

    private let loop: Watcher
    private let software: String
    private var state = State.idle(retryAt: nil)
    private var yamux = YamuxConnection(role: .client)
    private var output = ByteQueue()
    private var delay = ReconnectDelay()
    private var lastComplaint = ""

    init(_ loop: Watcher, software: String) {
        self.loop = loop
        self.software = software
    }

    /// True while streams can be used.
    var isOpen: Bool { if case .open = state { true } else { false } }

    /// Connects now, unless it is connected.
    func connect() {
        guard case .idle = state else { return }
        do throws(Errno) {
            let (socket, inProgress) = try Network.connect(Link.address, port: Link.port)
            state = .connecting(socket, deadline: Uptime.microseconds + Link.patience)
            loop.watch(socket, .writable, .link)
            if !inProgress { connected(socket) }
        } catch {
            retryLater("cannot connect to the host at \(Link.address.text):\(Link.port): \(error.description)")
        }
    }

    /// The uptime at which `tick` has something to do; nil for never.
    var nextDeadline: UInt64? {
        switch state {
        case .idle(let retryAt): retryAt
        case .connecting(_, let deadline), .greeting(_, _, let deadline): deadline
        case .open: nil
        }
    }

    /// Does what is due by now.
    func tick(now: UInt64) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        switch state {
        case .idle: connect()
        case .connecting: lose("no connection to the host within 10 s")
        case .greeting: lose("no hello from the proxy within 10 s")
        case .open: break
        }
    }

    /// The socket is ready: reads, or finishes connecting.
    func ready(_ ready: EventPoll.Interest) {
        switch state {
        case .idle: break
        case .connecting(let socket, _):
            if let error = Network.connectionError(of: socket) {
                lose("cannot connect to the host at \(Link.address.text):\(Link.port): \(error.description)")
            } else {
                connected(socket)
            }
        case .greeting(let socket, _, _), .open(let socket):
            if !ready.isDisjoint(with: [.readable, .hangUp, .error]) { receive(socket) }
        }
    }

    // MARK: Hello

    private func connected(_ socket: FileDescriptor) {
        let bootID = (try? Files.readLine("/proc/sys/kernel/random/boot_id")) ?? ""
        let token = (try? Files.read("/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/token/raw", limit: 128)) ?? []
        output.removeAll()
        output.append(Hello(bootID: bootID, token: token, software: software).encoded())
        state = .greeting(socket, received: [], deadline: Uptime.microseconds + Link.patience)
        loop.watch(socket, .readable, .link)
        flush()
    }

    private func greet(_ socket: FileDescriptor, _ received: [UInt8], deadline: UInt64) {
        do throws(ProtocolError) {
            guard let (hello, length) = try Hello.decode(received[...]) else {
                state = .greeting(socket, received: received, deadline: deadline)
                return
            }
            if let refusal = hello.refusal { return lose("the proxy refused the link: \(refusal)") }
            state = .open(socket)
            yamux = YamuxConnection(role: .client)
            delay.reset()
            lastComplaint = ""
            writeKernelLog(.information, "link to \(hello.software) is up")
            deliver(received[length...])
        } catch {
            lose("the proxy's hello: \(error.text)")
        }
    }

    // MARK: Bytes

    private func receive(_ socket: FileDescriptor) {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var failure: String?
        let count: Int? = chunk.withUnsafeMutableBytes { buffer in
            do throws(Errno) {
                let count = try socket.read(into: buffer)
                if count == 0 { failure = "the host closed the link" }
                return count
            } catch {
                failure = "the link broke: \(error.description)"
                return 0
            }
        }
        if let failure { return lose(failure) }
        guard let count else { return }
        if case .greeting(_, let received, let deadline) = state {
            greet(socket, received + chunk[..<count], deadline: deadline)
        } else {
            deliver(chunk[..<count])
        }
    }

    private func deliver(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        let violation: String? = bytes.withUnsafeBytes { buffer in
            do throws(YamuxError) {
                try yamux.receive(buffer)
                return nil
            } catch { return error.text }
        }
        if let violation {
            flush()
            lose("the proxy broke the protocol: \(violation)")
        }
    }

    /// Writes what there is to write, and watches for room when not all of it was taken.
    func flush() {
        let socket: FileDescriptor
        switch state {
        case .idle, .connecting: return
        case .greeting(let open, _, _): socket = open
        case .open(let open):
            socket = open
            if output.isEmpty, yamux.outputCount > 0 { output.append(yamux.takeOutput()) }
        }
        var failure: Errno?
        var blocked = false
        while !output.isEmpty, !blocked, failure == nil {
            _ = output.take { buffer in
                do throws(Errno) {
                    if let count = try socket.write(buffer) { return count }
                    blocked = true
                } catch { failure = error }
                return 0
            }
            if output.isEmpty, isOpen, yamux.outputCount > 0 { output.append(yamux.takeOutput()) }
        }
        if let failure { return lose("the link broke: \(failure.description)") }
        loop.watch(socket, output.isEmpty ? .readable : [.readable, .writable], .link)
    }

    // MARK: Loss

    private(set) var wasLost = false

    /// True once after each loss of an open link: its streams are gone.
    func takeLoss() -> Bool {
        defer { wasLost = false }
        return wasLost
    }

    private func lose(_ reason: String) {
        switch state {
        case .idle: return
        case .connecting(let socket, _), .greeting(let socket, _, _): loop.close(socket)
        case .open(let socket):
            loop.close(socket)
            wasLost = true
        }
        output.removeAll()
        yamux = YamuxConnection(role: .client)
        state = .idle(retryAt: nil)
        retryLater(reason)
    }

    private func retryLater(_ reason: String) {
        state = .idle(retryAt: Uptime.microseconds + delay.next())
        // The same complaint is worth one line, not one for every attempt.
        if reason != lastComplaint { writeKernelLog(.notice, reason) }
        lastComplaint = reason
    }

    // MARK: Streams

    func nextEvent() -> YamuxEvent? { isOpen ? yamux.nextEvent() : nil }
    /// Whether `nextEvent` may have one without anything happening first: writing makes room for streams that wait.
    var hasEvents: Bool { isOpen && yamux.hasEvents }

    /// How many bytes the stream takes now; with fewer than `wanted`, a `writable` event follows.
    func capacity(_ stream: UInt32, wanted: Int = 1) -> Int { yamux.sendCapacity(stream, wanted: wanted) }

    func consumed(_ stream: UInt32, _ count: Int) { if count > 0 { yamux.consumed(stream, count) } }
    func finish(_ stream: UInt32) { yamux.finish(stream) }
    func reset(_ stream: UInt32) { yamux.reset(stream) }

    /// Sends bytes for which the caller has seen `capacity`; a small frame on a fresh stream always has it.
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8]) {
        let sent = bytes.withUnsafeBytes { yamux.send(stream, $0) }
        // A frame cut short would garble the stream: better none.
        if sent < bytes.count { yamux.reset(stream) }
    }
}
