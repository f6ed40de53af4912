import Glibc
import LinuxSystem

/// One connection to a proxy's control socket, read line by line. Every wait ends at its deadline, or when a signal arrives in
/// the inbox that the wait was given.
struct ControlConnection {
    let socket: UnixSocket
    private let directory: String
    private var received: [UInt8] = []
    private var hasEnded = false

    /// The longest line that is taken.
    static let lineLimit = 64 << 10

    /// Connects to the proxy of `directory`.
    init(directory: String, socketName: String) throws(ProxyClientError) {
        self.directory = directory
        do {
            socket = try UnixSocket(directory: directory, name: socketName)
        } catch {
            throw .noProxy(path: "\(directory)/\(socketName)", error)
        }
    }

    /// Reads the lines of a service that sends text.
    init(_ stream: ServiceStream) {
        directory = "guest '\(stream.guest)'"
        socket = stream.socket
        received = stream.early
    }

    /// Sends one line; `text` comes without its line feed.
    func send(line text: String, deadline: Deadline) throws(ProxyClientError) {
        var rest = ArraySlice((text + "\n").utf8)
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if Errno.current == Errno(EAGAIN) {
                try wait(for: POLLOUT, deadline: deadline, signals: nil, during: "it was sent a request")
            } else if Errno.current != Errno(EINTR) {
                throw .proxyGone(directory: directory, during: "it was sent a request")
            }
        }
    }

    /// The next line without its line feed, or nil when the connection has ended before another line began.
    ///
    /// - Parameter purpose: what the wait is for, as in "no PURPOSE within 15 s".
    mutating func line(
        deadline: Deadline, signals: SignalInbox?, purpose: String
    ) throws(ProxyClientError) -> String? {
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<end], as: UTF8.self)
                received.removeSubrange(...end)
                return line
            }
            searched = received.count
            guard received.count <= Self.lineLimit else { throw .malformedReply("a line of more than \(Self.lineLimit) bytes") }
            if hasEnded {
                if received.isEmpty { return nil }
                throw .proxyGone(directory: directory, during: "it sent the \(purpose)")
            }
            try receive(deadline: deadline, signals: signals, purpose: purpose)
        }
    }

    /// The whole lines that have arrived, without waiting for more; `ended` when no more will come.
    mutating func arrivedLines() throws(ProxyClientError) -> (lines: [String], ended: Bool) {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        reading: while !hasEnded {
            let count = chunk.withUnsafeMutableBytes { recv(socket.descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT)) }
            if count > 0 {
                received.append(contentsOf: chunk[..<count])
                guard received.count <= Self.lineLimit * 16 else { break }
                continue
            }
            switch count == 0 ? Errno(ECONNRESET) : Errno.current {
            case Errno(EINTR): continue
            case Errno(EAGAIN): break reading
            default: hasEnded = true
            }
        }
        guard let end = received.lastIndex(of: UInt8(ascii: "\n")) else {
            guard received.count <= Self.lineLimit else { throw .malformedReply("a line of more than \(Self.lineLimit) bytes") }
            return ([], hasEnded)
        }
        let lines = received[..<end].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        received.removeSubrange(...end)
        return (lines, hasEnded)
    }

    /// Everything until the end of the connection.
    mutating func rest(limit: Int, deadline: Deadline, purpose: String) throws(ProxyClientError) -> [UInt8] {
        while !hasEnded {
            guard received.count <= limit else { throw .malformedReply("more than \(limit) bytes") }
            try receive(deadline: deadline, signals: nil, purpose: purpose)
        }
        return takeReceived()
    }

    /// The bytes that came after the last line that was read.
    mutating func takeReceived() -> [UInt8] {
        defer { received = [] }
        return received
    }

    /// Adds what arrives next to `received`; waits for it.
    private mutating func receive(deadline: Deadline, signals: SignalInbox?, purpose: String) throws(ProxyClientError) {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { recv(socket.descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                received.append(contentsOf: chunk[..<count])
                return
            }
            switch count == 0 ? Errno(ECONNRESET) : Errno.current {
            case Errno(EINTR): continue
            case Errno(EAGAIN): try wait(for: POLLIN, deadline: deadline, signals: signals, during: purpose)
            default:
                hasEnded = true
                return
            }
        }
    }

    private func wait(
        for events: Int32, deadline: Deadline, signals: SignalInbox?, during purpose: String
    ) throws(ProxyClientError) {
        var interests = [pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)]
        if let signals { interests.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)) }
        let ready = poll(&interests, nfds_t(interests.count), deadline.pollTimeout)
        if ready < 0, Errno.current != Errno(EINTR) { throw .system(call: "poll", .current) }
        if let signal = signals?.nextInterruption() { throw .interrupted(signal: signal) }
        if ready == 0, deadline.hasPassed { throw .timedOut(waitingFor: purpose, after: deadline.length) }
    }
}
