import Glibc

/// A connection to a running QEMU's control socket. Every wait is bounded; calls block their thread that long at most.
///
/// QEMU serves one connection at a time, so a connection should live for one purpose and end.
public struct QMPConnection: ~Copyable {
    /// The names of the events that arrived while answers were awaited, oldest first.
    public private(set) var events: [String] = []

    private let descriptor: CInt
    private var buffer: [UInt8] = []

    private static let maximumLineLength = 1 << 20

    /// What can be asked of QEMU.
    public enum Command: String, Sendable {
        /// Presses the guest's power button (ACPI); the guest decides.
        case powerDown = "system_powerdown"
        /// Ends QEMU at once.
        case quit
        /// Says whether the guest runs.
        case queryStatus = "query-status"
    }

    private init(descriptor: CInt) { self.descriptor = descriptor }

    /// Connects, reads the greeting and enters command mode, all within `timeout`.
    public static func open(path: String, timeout: Duration) throws(QMPError) -> QMPConnection {
        let deadline = ContinuousClock.now + timeout
        var connection = QMPConnection(descriptor: try connect(path))
        guard try connection.readMessage("its greeting", until: deadline) == .greeting else {
            throw .invalidMessage("a message before the greeting")
        }
        _ = try connection.execute("qmp_capabilities", until: deadline)
        return connection
    }

    deinit { close(descriptor) }

    /// Carries out a command and gives QEMU's answer as JSON text.
    @discardableResult
    public mutating func execute(_ command: Command, timeout: Duration) throws(QMPError) -> String {
        try execute(command.rawValue, until: ContinuousClock.now + timeout)
    }

    /// The name of the next event, of those that came already or within `timeout`.
    public mutating func nextEvent(timeout: Duration) throws(QMPError) -> String {
        if !events.isEmpty { return events.removeFirst() }
        let deadline = ContinuousClock.now + timeout
        while true {
            if case .event(let name) = try readMessage("an event", until: deadline) { return name }
        }
    }

    private mutating func execute(_ command: String, until deadline: ContinuousClock.Instant) throws(QMPError) -> String {
        try send(QMPMessage.request(command))
        while true {
            switch try readMessage("the answer to \(command)", until: deadline) {
            case .answer(let value): return value
            case .refusal(let reason): throw .refused(command: command, reason: reason)
            case .event(let name): if events.count < 256 { events.append(name) }
            case .greeting: throw .invalidMessage("a second greeting")
            }
        }
    }

    private static func connect(_ path: String) throws(QMPError) -> CInt {
        guard var address = UnixAddress.make(path) else { throw .unreachable(path: path, reason: "the path is too long") }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .unreachable(path: path, reason: String(cString: strerror(errno))) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw .unreachable(path: path, reason: reason)
        }
        return descriptor
    }

    // Requests are some 40 bytes and go out one at a time, so they always fit the socket's buffer.
    private func send(_ bytes: [UInt8]) throws(QMPError) {
        guard Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)) == bytes.count else {
            throw .closed
        }
    }

    private mutating func readMessage(_ what: String, until deadline: ContinuousClock.Instant) throws(QMPError) -> QMPMessage {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return try QMPMessage(line: line)
            }
            guard buffer.count < QMPConnection.maximumLineLength else { throw .invalidMessage("a line without an end") }
            try receive(what, until: deadline)
        }
    }

    private mutating func receive(_ what: String, until deadline: ContinuousClock.Instant) throws(QMPError) {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let left = (deadline - ContinuousClock.now) / Duration.milliseconds(1)
        guard left > 0 else { throw .timedOut(waitingFor: what) }
        let ready = poll(&watched, 1, CInt(left.rounded(.up)))
        guard ready >= 0 || errno == EINTR else { throw .closed }
        guard ready > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count != 0, count > 0 || errno == EINTR else { throw .closed }
        if count > 0 { buffer.append(contentsOf: chunk[..<count]) }
    }
}

/// Addresses of UNIX sockets.
enum UnixAddress {
    /// The most bytes that a socket's path may have.
    static let maximumLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    static func make(_ path: String) -> sockaddr_un? {
        let bytes = Array(path.utf8)
        guard bytes.count <= maximumLength, !bytes.contains(0) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }
}
