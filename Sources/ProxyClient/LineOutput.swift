import CLinux
import Glibc
import LinuxSystem
import Synchronization

/// Lines on their way into a socket, from several threads: none is ever cut by another.
final class LineOutput: Sendable {
    private let socket: UnixSocket
    private let queue = Mutex(ByteQueue())

    init(_ socket: UnixSocket) { self.socket = socket }

    /// The socket, to wait until it takes more.
    var descriptor: CInt { socket.descriptor }

    /// How far the queue was written.
    enum Progress { case drained, blocked, broken }

    /// Adds whole lines, with their line feeds.
    func enqueue(_ bytes: some Collection<UInt8>) { queue.withLock { $0.append(bytes) } }

    /// Writes what the socket takes without waiting.
    func flush() -> Progress {
        queue.withLock { queue in
            while !queue.isEmpty {
                var error: Errno?
                queue.consume(upTo: 64 << 10) { bytes in
                    let count = Glibc.send(socket.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
                    if count < 0 { error = .current }
                    return max(0, count)
                }
                switch error {
                case nil, Errno(EINTR): continue
                case Errno(EAGAIN): return .blocked
                default:
                    queue.removeAll()
                    return .broken
                }
            }
            return .drained
        }
    }

    /// Adds lines, which have no line feeds, and waits until all are written; false when that cannot be.
    func send(_ lines: [String], deadline: Deadline) -> Bool {
        for line in lines { enqueue((line + "\n").utf8) }
        while true {
            switch flush() {
            case .drained: return true
            case .broken: return false
            case .blocked:
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                if poll(&request, 1, deadline.pollTimeout) == 0, deadline.hasPassed { return false }
            }
        }
    }
}
