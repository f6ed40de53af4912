/// What ends a yamux connection: the peer broke the protocol, or a limit was reached.
public enum YamuxError: Error, Equatable, Sendable {
    /// A frame of another protocol version.
    case badVersion(UInt8)
    /// A frame type that the specification does not have.
    case badType(UInt8)
    /// The peer sent more than the window that it was given on this stream.
    case windowExceeded(stream: UInt32)
    /// The peer grew our send window past 32 bits.
    case windowOverflow(stream: UInt32)
    /// The peer opened a stream with an identifier that is not its to give, or was used.
    case badStream(UInt32)
    /// The peer has sent, or caused, more control frames than it has taken: it does not read.
    case outputLimit(Int)
    /// No stream can be opened: the limit of `maximumStreams`, or the peer said go-away, or identifiers are used up.
    case noMoreStreams

    /// One sentence for a log line.
    public var text: String {
        switch self {
        case .badVersion(let version): "a yamux frame of version \(version)"
        case .badType(let type): "a yamux frame of unknown type \(type)"
        case .windowExceeded(let stream): "stream \(stream) sent more than its window"
        case .windowOverflow(let stream): "stream \(stream) was given a window of over 4 GiB"
        case .badStream(let stream): "stream \(stream) is not the peer's to open"
        case .outputLimit(let count): "\(count) bytes wait for a peer that does not read"
        case .noMoreStreams: "no more streams can be opened"
        }
    }
}
