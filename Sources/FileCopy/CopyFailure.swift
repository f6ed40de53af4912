public import AgentProtocol
public import LinuxSystem

/// Why a copy as a whole did not come to its end. What is wrong with single files is a `CopyProblem`.
public enum CopyFailure: Error, Equatable, Sendable {
    /// The other side ended the stream before the copy was complete.
    case streamEnded
    /// The stream broke.
    case streamBroke(Errno)
    /// The other side broke the protocol.
    case violation(ProtocolError)
    /// The interruption descriptor became readable.
    case interrupted
}

/// Who follows a copy.
public struct CopyObserver {
    /// A problem, of this side or told by the other.
    public var problem: (_ problem: CopyProblem, _ isOurs: Bool) -> Void
    /// An entry begins, by its path on this side.
    public var began: (_ entry: CopyEntry) -> Void
    /// So many bytes of content, holes not counted, were sent or received.
    public var moved: (_ bytes: Int) -> Void

    /// An observer that looks away, unless told otherwise.
    public init(
        problem: @escaping (_ problem: CopyProblem, _ isOurs: Bool) -> Void = { _, _ in },
        began: @escaping (_ entry: CopyEntry) -> Void = { _ in }, moved: @escaping (_ bytes: Int) -> Void = { _ in }
    ) {
        self.problem = problem
        self.began = began
        self.moved = moved
    }
}
