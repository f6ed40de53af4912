/// What one peer may make this side hold or do. The defaults are meant for a peer that may be hostile; reaching a limit that
/// no proper peer reaches ends the connection with a `YamuxError` that names it.
///
/// The limits "per second" allow a second's worth at once, and need the time: see `YamuxConnection.advance(to:)`.
public struct YamuxLimits: Equatable, Sendable {
    /// Streams that each side may have open at once. The peer's are reset beyond it, ours are not opened.
    public var maximumStreams = 1024
    /// Streams of ours that the peer has not acknowledged yet. More are opened, but told to the peer only when earlier ones
    /// are acknowledged: the original resets what exceeds its backlog, which is 256 unless configured.
    public var maximumUnacknowledged = 256
    /// Bytes of data that `send` lets wait to be written; at that point it takes no more until `takeOutput`. It is also the
    /// delay, in bytes, that bulk data adds to other streams' data.
    public var preferredOutput = 64 << 10
    /// The most bytes of data in one frame that we send, and in one stream's turn while others wait for theirs.
    public var maximumFrame = 32 << 10
    /// Bytes of control frames that may wait to be written. Only a peer that sends and does not read makes us reach it.
    public var maximumControlOutput = 256 << 10
    /// The most bytes that a stream's receive window grows to. Windows begin at 256 KiB and are never smaller.
    public var maximumStreamWindow = 4 << 20
    /// The most bytes by which all receive windows of the connection together exceed 256 KiB each. The most that a peer can
    /// make its streams' owners hold is this and 256 KiB for each stream; where bytes were given in arrays, which a piece of 16 KiB keeps
    /// whole, as many times that as an array has such pieces.
    public var maximumExtraWindow = 16 << 20
    /// Pings that the peer may send per second.
    public var pingsPerSecond = 1000
    /// Streams per second that the peer may open to no purpose: refused, or reset by either side before anything was sent
    /// back on them ("rapid reset").
    public var unservedStreamsPerSecond = 2000
    /// Frames per second that carry nothing: no data, no increment, no news of a stream.
    public var emptyFramesPerSecond = 10_000

    /// The defaults.
    public init() {}
}
