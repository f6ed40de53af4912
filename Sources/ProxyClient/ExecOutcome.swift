public import AgentProtocol

/// How an exec ended on our side.
public enum ExecOutcome: Equatable, Sendable {
    /// The guest said how the command ended, and all its output was passed on.
    case ended(ExitStatus)
    /// The user would not wait any longer: this signal came again, or after the command's end. The guest ends the command when
    /// its stream ends.
    case left(signal: CInt)

    /// The exit code that a shell would show.
    public var exitCode: Int32 {
        switch self {
        case .ended(let status): status.shellCode
        case .left(let signal): 128 + signal
        }
    }
}
