public import AgentProtocol
public import LinuxSystem

/// What PID 1, which boots, and the serving process, which holds the link, tell each other over a packet socket: one
/// message a packet.
public enum BootMessage: Equatable, Sendable {
    /// PID 1: a step began or ended.
    case step(StepReport)
    /// PID 1: the boot's state changed.
    case boot(BootReport)
    /// PID 1: the network is there; connect now.
    case networkUp
    /// PID 1: the root to be is at this path; make it your root and answer `switched`.
    case switchRoot(String)
    /// PID 1: the system that sessions take their programs from.
    case system(String)
    /// Serving process: its root is the new one.
    case switched
    /// Serving process: power off, please.
    case powerOff

    func encoded() -> [UInt8] {
        switch self {
        case .step(let report): [0] + report.encoded()
        case .boot(let report): [1] + report.encoded()
        case .networkUp: [2]
        case .switchRoot(let path): [3] + Array(path.utf8)
        case .system(let path): [4] + Array(path.utf8)
        case .switched: [5]
        case .powerOff: [6]
        }
    }

    init?(decoding bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        let rest = bytes.dropFirst()
        switch kind {
        case 0:
            guard let report = try? StepReport(decoding: rest) else { return nil }
            self = .step(report)
        case 1:
            guard let report = try? BootReport(decoding: rest) else { return nil }
            self = .boot(report)
        case 2: self = .networkUp
        case 3: self = .switchRoot(String(decoding: rest, as: UTF8.self))
        case 4: self = .system(String(decoding: rest, as: UTF8.self))
        case 5: self = .switched
        case 6: self = .powerOff
        default: return nil
        }
    }
}

/// One end of the packet socket between PID 1 and the serving process.
public struct BootChannel: Sendable {
    /// The socket; owned by whoever made the channel.
    public let socket: FileDescriptor

    /// Wraps an end.
    public init(_ socket: FileDescriptor) { self.socket = socket }

    /// Sends a message. One that does not fit now is dropped: a boot never waits for its reports.
    public func send(_ message: BootMessage) {
        message.encoded().withUnsafeBytes { bytes in _ = try? socket.write(bytes) }
    }

    /// What came of waiting for a message.
    public enum Received: Equatable, Sendable {
        /// A message.
        case message(BootMessage)
        /// None within the time, or one that is not understood.
        case nothing
        /// The other end is gone.
        case ended
    }

    /// Waits for a message, at most `milliseconds` (-1: for ever).
    public func receive(milliseconds: Int32) -> Received {
        guard socket.waitUntilReadable(milliseconds: milliseconds) else { return .nothing }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count: Int? = buffer.withUnsafeMutableBytes { bytes in
            do throws(Errno) { return try socket.read(into: bytes) } catch { return 0 }
        }
        guard let count else { return .nothing }
        guard count > 0 else { return .ended }
        return BootMessage(decoding: Array(buffer[..<count])).map { .message($0) } ?? .nothing
    }
}
