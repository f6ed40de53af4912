internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// The service `connect`: one connection to a port or socket in the guest, joined to its stream.
///
/// Bytes wait in the kernel's buffers and in the stream's window: the client gets credit for what the socket has taken, and
/// the socket is read only while the stream takes bytes. The ends of the two directions are independent of each other.
final class Connection: StreamService {
    private enum State {
        /// The attempt on this socket is under way.
        case connecting(FileDescriptor)
        /// The listener's queue is full; the next attempt is at this uptime.
        case waiting(retryAt: UInt64)
        case open(FileDescriptor)
        case over
    }

    /// How long making the connection may take: 10 s, in microseconds.
    static let patience: UInt64 = 10_000_000
    private static let retryDelay: UInt64 = 20_000

    private let stream: LinkStream
    private let source: EventSource
    private let loop: Watcher
    private let target: ConnectTarget
    private let deadline: UInt64
    private var attempts: ConnectionAttempts
    private var state: State
    /// From the client to the socket.
    private var queue = ByteQueue()
    private var clientFinished = false
    /// The socket takes no more: we said so, or it failed.
    private var sendingEnded = false
    private var sendingFailed = false
    /// The socket is at its end, and the client knows.
    private var receivingEnded = false

    init(_ target: ConnectTarget, _ stream: LinkStream, id: ServiceID, loop: Watcher, now: UInt64 = Uptime.microseconds) {
        self.target = target
        self.stream = stream
        self.loop = loop
        source = .service(id)
        deadline = now + Connection.patience
        attempts = ConnectionAttempts(target)
        state = .waiting(retryAt: now)
    }

    var isOver: Bool { if case .over = state { true } else { false } }

    // MARK: Connecting

    var nextDeadline: UInt64? {
        switch state {
        case .connecting: deadline
        case .waiting(let retryAt): min(retryAt, deadline)
        case .open, .over: nil
        }
    }

    func tick(now: UInt64) {
        guard now < deadline else { return refuse("timed out after \(Connection.patience / 1_000_000) s") }
        if case .waiting = state { start() }
    }

    /// Tries the target's addresses in turn.
    func start() {
        while true {
            do throws(Errno) {
                guard let socket = try attempts.next() else { return refuse(attempts.reason) }
                guard socket.isConnecting else { return connected(socket.descriptor) }
                state = .connecting(socket.descriptor)
                return loop.watch(socket.descriptor, .writable, source)
            } catch {
                guard !attempts.mustWait(after: error) else {
                    return state = .waiting(retryAt: Uptime.microseconds + Connection.retryDelay)
                }
                attempts.failed(error)
            }
        }
    }

    private func connected(_ socket: FileDescriptor) {
        state = .open(socket)
        stream.accept()
        write(socket)
        read()
        watch()
    }

    private func refuse(_ reason: String) {
        closeSocket()
        stream.refuse("cannot connect to \(target.text) in the guest: \(reason)")
    }

    func ready(_ ready: EventPoll.Interest) {
        switch state {
        case .waiting, .over: return
        case .connecting(let socket):
            guard let error = Network.connectionError(of: socket) else { return connected(socket) }
            attempts.failed(error)
            loop.close(socket)
            state = .waiting(retryAt: 0)
            start()
        case .open(let socket):
            if receivingEnded, !ready.isDisjoint(with: [.hangUp, .error]) { return breakOff() }
            if ready.contains(.writable) { write(socket) }
            if !receivingEnded, !ready.isDisjoint(with: [.readable, .hangUp, .error]) { read() }
            watch()
        }
    }

    // MARK: From the client

    func received(_ bytes: ArraySlice<UInt8>) {
        guard !sendingEnded else { return stream.consumed(bytes.count) }
        queue.append(bytes)
        guard case .open(let socket) = state else { return }
        write(socket)
        watch()
    }

    func inputFinished() {
        clientFinished = true
        guard case .open(let socket) = state else { return }
        write(socket)
        watch()
    }

    private func write(_ socket: FileDescriptor) {
        while !queue.isEmpty, !sendingEnded {
            var isFull = false
            var failed = false
            let count = queue.take { buffer in
                do throws(Errno) {
                    if let count = try socket.write(buffer) { return count }
                    isFull = true
                } catch { failed = true }
                return 0
            }
            stream.consumed(count)
            if failed { return writingFailed() }
            if isFull { return }
        }
        if clientFinished, !sendingEnded {
            // What fails here is seen by reading.
            try? socket.finishSending()
            endSending()
        }
    }

    /// The peer takes no more, but what it has sent is still to be read.
    private func writingFailed() {
        stream.consumed(queue.count)
        queue.removeAll()
        sendingFailed = true
        if receivingEnded { breakOff() } else { sendingEnded = true }
    }

    private func endSending() {
        sendingEnded = true
        if receivingEnded { closeSocket() }
    }

    // MARK: To the client

    func streamWritable() {
        read()
        watch()
    }

    private func read() {
        while case .open(let socket) = state, !receivingEnded {
            let room = min(stream.capacity(wanted: 1), Frame.preferredDataLength)
            guard room > 0 else { return }
            do throws(Errno) {
                guard let bytes = try socket.read(upTo: room) else { return }
                guard bytes.isEmpty else {
                    stream.send(bytes)
                    continue
                }
                receivingEnded = true
                stream.finish()
                if sendingFailed { breakOff() } else if sendingEnded { closeSocket() }
            } catch { breakOff() }
        }
    }

    // MARK: Ends

    /// The peer is gone: it takes nothing and sends nothing more.
    private func breakOff() {
        stream.reset()
        closeSocket()
    }

    /// The client is gone without an end, or the link: the peer must not take that for the end of what was sent.
    func streamLost() {
        switch state {
        case .connecting(let socket), .open(let socket):
            socket.resetOnClose()
            loop.close(socket)
        case .waiting, .over: break
        }
        state = .over
        queue.removeAll()
    }

    private func closeSocket() {
        switch state {
        case .connecting(let socket), .open(let socket): loop.close(socket)
        case .waiting, .over: break
        }
        state = .over
        queue.removeAll()
    }

    /// What is waited for now. A socket at its end is watched for its peer's disappearance only.
    private func watch() {
        guard case .open(let socket) = state else { return }
        var interest: EventPoll.Interest = receivingEnded ? .hangUp : []
        if !receivingEnded, stream.capacity(wanted: 1) > 0 { interest.insert(.readable) }
        if !queue.isEmpty { interest.insert(.writable) }
        loop.watch(socket, interest, source)
    }
}
