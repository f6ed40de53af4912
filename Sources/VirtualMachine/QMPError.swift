/// Why QEMU did not do what it was asked over QMP.
public enum QMPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The socket cannot be reached: QEMU has not made it yet, or has ended.
    case unreachable(path: String, reason: String)
    /// QEMU did not answer in time.
    case timedOut(waitingFor: String)
    /// QEMU closed the connection.
    case closed
    /// What came is not QMP.
    case invalidMessage(String)
    /// QEMU refused a command.
    case refused(command: String, reason: String)

    /// What is wrong, for a person.
    public var description: String {
        switch self {
        case .unreachable(let path, let reason): "cannot reach QEMU at \(path): \(reason)"
        case .timedOut(let what): "QEMU did not answer in time (waited for \(what))"
        case .closed: "QEMU closed its control connection"
        case .invalidMessage(let text): "QEMU sent what is not QMP: \(text)"
        case .refused(let command, let reason): "QEMU refused \(command): \(reason)"
        }
    }
}
