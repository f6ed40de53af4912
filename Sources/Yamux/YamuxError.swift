/// What ends a yamux connection: the peer broke the protocol, or a limit was reached. The last three only say why a stream
/// cannot be opened; the connection goes on.
public enum YamuxError: Error, Equatable, Sendable {
    /// What a peer may send only so often.
    public enum Flood: Equatable, Sendable {
        /// Pings.
        case pings
        /// Streams that are opened to no purpose.
        case unservedStreams
        /// Frames that carry nothing.
        case emptyFrames
    }

    /// A frame of another protocol version.
    case badVersion(UInt8)
    /// A frame type that the specification does not have.
    case badType(UInt8)
    /// The peer sent more than the window that it was given on this stream.
    case windowExceeded(stream: UInt32)
    /// The peer sent data on this stream after its FIN.
    case dataAfterFinish(stream: UInt32)
    /// The peer grew our send window past 32 bits.
    case windowOverflow(stream: UInt32)
    /// The peer opened a stream with an identifier that is not its to give, or was used.
    case badStream(UInt32)
    /// The peer sent a frame for a stream that neither side has opened.
    case unknownStream(UInt32)
    /// Bytes of control frames wait for a peer that sends, or is sent to, and does not read.
    case outputLimit(Int)
    /// The peer sends more of this than the limit per second.
    case flood(Flood, perSecond: Int)

    /// As many streams of ours are open as `maximumStreams` allows.
    case tooManyStreams(Int)
    /// The peer takes no more streams, or the connection has ended.
    case goneAway
    /// All identifiers were used.
    case identifiersUsedUp

    /// One sentence for a log line.
    public var text: String {
        switch self {
        case .badVersion(let version): "a yamux frame of version \(version)"
        case .badType(let type): "a yamux frame of unknown type \(type)"
        case .windowExceeded(let stream): "stream \(stream) sent more than its window"
        case .dataAfterFinish(let stream): "stream \(stream) sent data after its end"
        case .windowOverflow(let stream): "stream \(stream) was given a window of over 4 GiB"
        case .badStream(let stream): "stream \(stream) is not the peer's to open"
        case .unknownStream(let stream): "a frame for stream \(stream), which was never opened"
        case .outputLimit(let count): "\(count) bytes of control frames wait for a peer that does not read"
        case .flood(.pings, let limit): "more than \(limit) pings per second"
        case .flood(.unservedStreams, let limit): "more than \(limit) streams per second opened to no purpose"
        case .flood(.emptyFrames, let limit): "more than \(limit) empty frames per second"
        case .tooManyStreams(let limit): "\(limit) streams are open, which is the most there may be"
        case .goneAway: "the peer takes no more streams"
        case .identifiersUsedUp: "all stream identifiers of the connection were used"
        }
    }
}
