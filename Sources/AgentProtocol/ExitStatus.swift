/// How a command ended: the payload of an `ended` frame.
public enum ExitStatus: Equatable, Sendable {
    /// It exited with this code, 0 to 255.
    case exited(UInt8)
    /// This signal killed it.
    case signaled(UInt8)
    /// It never ran; `code` is 127 when there is no such program and 126 when it cannot be executed.
    case notStarted(code: UInt8, reason: String)
    /// Its time was over, and the agent ended it and its process group.
    case timedOut

    /// The exit code that a shell would show: the code itself, 128 + signal, or 124 as `timeout(1)` has it.
    public var shellCode: Int32 {
        switch self {
        case .exited(let code), .notStarted(let code, _): Int32(code)
        case .signaled(let signal): 128 + Int32(signal)
        case .timedOut: 124
        }
    }

    /// The payload's bytes: kind (0 exited, 1 signaled, 2 not started, 3 timed out), code, then the reason as UTF-8,
    /// at most 4096 bytes.
    public func encoded() -> [UInt8] {
        switch self {
        case .exited(let code): [0, code]
        case .signaled(let signal): [1, signal]
        // A frame that is longer than a stream takes at once would never be sent.
        case .notStarted(let code, let reason): [2, code] + Array(reason.utf8.prefix(4096))
        case .timedOut: [3, 124]
        }
    }

    /// Reads a payload. Throws `truncated`, or `invalid` for an unknown kind.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let kind = try reader.readUInt8()
        let code = try reader.readUInt8()
        switch kind {
        case 0: self = .exited(code)
        case 1: self = .signaled(code)
        case 2: self = .notStarted(code: code, reason: String(decoding: try reader.readBytes(reader.remaining), as: UTF8.self))
        case 3: self = .timedOut
        default: throw .invalid("exit status kind")
        }
    }
}
