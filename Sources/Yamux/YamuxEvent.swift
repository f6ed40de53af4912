/// What happened on a connection, in order.
public enum YamuxEvent: Equatable, Sendable {
    /// The peer opened a stream. It is acknowledged already; `reset` refuses it.
    case opened(UInt32)
    /// Bytes arrived on a stream. Give their credit back with `consumed` once they are used.
    case data(UInt32, ArraySlice<UInt8>)
    /// The peer sends no more on this stream; what we send still arrives.
    case finished(UInt32)
    /// The peer ended the stream at once, or refused it. It is forgotten.
    case reset(UInt32)
    /// `send` takes bytes again, after it took fewer than it was given. It is the stream's turn until the next `nextEvent`.
    case writable(UInt32)
    /// The peer answered our ping of this value.
    case pong(UInt32)
    /// The peer opens no more streams and takes none: 0 normal, 1 protocol error, 2 internal error. After any but 0 the peer
    /// closes the connection.
    case goAway(UInt32)
}
