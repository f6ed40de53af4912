import AgentProtocol
import CLinux
import ControlProtocol
import Glibc
import LinuxSystem

/// Forwards connections until a signal comes or the guest is gone: one thread, one `poll`. `poll` and not `epoll`, because the
/// standard input may be a regular file.
struct ForwardLoop {
    private let client: ProxyClient
    private let guest: String
    private let signals: SignalInbox
    private let listeners: [ForwardListener]
    private let onMessage: (String) -> Void
    private var connections: [ForwardedConnection] = []
    private var watch: GuestWatch
    /// No descriptor was free for another connection: none is taken until one is.
    private var isFull = false

    init(
        _ client: ProxyClient, guest: String, listeners: [ForwardListener], signals: SignalInbox, onMessage: @escaping (String) -> Void
    ) throws(ForwardError) {
        (self.client, self.guest, self.signals, self.listeners) = (client, guest, signals, listeners)
        self.onMessage = onMessage
        watch = try GuestWatch(client, guest)
    }

    /// Takes connections and moves their bytes. Returns the signal that ended it.
    mutating func run() throws(ForwardError) -> CInt {
        defer { for connection in connections { connection.breakOff() } }
        while true {
            if let signal = try turn() { return signal }
        }
    }

    /// Moves the bytes of one connection until it has ended.
    mutating func run(_ connection: ForwardedConnection) throws(ForwardError) -> CInt? {
        connections = [connection]
        while true {
            if let signal = try turn() { return signal }
            switch connection.end {
            case nil: continue
            case .complete: return nil
            case .refused(let reason): throw .refused(reason: reason)
            case .lost: throw .connectionLost(guest: guest)
            }
        }
    }

    /// Waits once, and does what has become possible.
    private mutating func turn() throws(ForwardError) -> CInt? {
        let listening = listeners.flatMap { listener in listener.descriptors.map { (descriptor: $0, listener: listener) } }
        var interests = [
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: watch.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        interests += listening.map { pollfd(fd: isFull ? -1 : $0.descriptor, events: Int16(POLLIN), revents: 0) }
        let first = interests.count
        for connection in connections { interests += connection.interests }
        if poll(&interests, nfds_t(interests.count), watch.pollTimeout) < 0 {
            guard Errno.current == Errno(EINTR) else { throw .proxy(.system(call: "poll", .current)) }
            return nil
        }
        if let signal = signals.next() { return signal }
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            for (index, connection) in connections.enumerated() {
                let place = first + index * 3
                connection.handle(interests[place..<place + 3], buffer)
            }
        }
        forgetWhatIsOver()
        for (index, entry) in listening.enumerated() where interests[2 + index].revents != 0 { accept(entry.descriptor, entry.listener) }
        try watch.handle(isReady: interests[1].revents != 0, onMessage)
        return nil
    }

    private mutating func accept(_ descriptor: CInt, _ listener: ForwardListener) {
        // Bounded, so that those that are connected get their turn.
        for _ in 0..<64 {
            do throws(Errno) {
                guard let socket = try ForwardListener.accept(descriptor) else { return }
                connect(ForwardEnd(socket: socket), listener.forward.target)
            } catch {
                onMessage("cannot take another connection: \(error); \(connections.count) are open")
                isFull = !connections.isEmpty
                return
            }
        }
    }

    private mutating func connect(_ user: ForwardEnd, _ target: ConnectTarget) {
        do throws(ProxyClientError) {
            connections.append(try ForwardedConnection(user, target, of: guest, directory: client.directory))
        } catch {
            user.breakOff()
            onMessage("\(target.text): \(error)")
        }
    }

    private mutating func forgetWhatIsOver() {
        guard connections.contains(where: { $0.end != nil }) else { return }
        for connection in connections {
            if case .refused(let reason) = connection.end { onMessage(reason) }
            if case .lost = connection.end { onMessage("a connection into guest '\(guest)' was broken off") }
        }
        connections.removeAll { $0.end != nil }
        isFull = false
    }
}
