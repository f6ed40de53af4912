public import AgentProtocol

/// How an exec or an attach ended on our side.
public enum ExecOutcome: Equatable, Sendable {
    /// The guest said how the command ended, and all its output was passed on.
    case ended(ExitStatus)
    /// The user would not wait any longer: this signal said so. The guest ends the command when its stream ends, unless it is
    /// detached.
    case left(signal: CInt)
    /// The user typed `~.`: the guest ends the command.
    case disconnected
    /// The session goes on without this client.
    case detached(session: UInt64)

    /// The exit code that a shell would show.
    public var exitCode: Int32 {
        switch self {
        case .ended(let status): status.shellCode
        case .left(let signal): 128 + signal
        case .disconnected: 255
        case .detached: 0
        }
    }
}
