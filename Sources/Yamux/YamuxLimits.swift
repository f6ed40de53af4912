/// What one peer may make this side hold. The defaults are meant for a peer that may be hostile.
public struct YamuxLimits: Equatable, Sendable {
    /// Streams open at once, in both directions. A stream over it is reset.
    public var maximumStreams = 1024
    /// Bytes of data that `send` lets wait to be written; at that point it takes no more until `takeOutput`.
    public var preferredOutput = 256 << 10
    /// Bytes that may wait to be written in all; only control frames reach it, from a peer that sends and does not read.
    public var maximumOutput = 4 << 20
    /// The most bytes of data in one frame that we send: smaller frames let streams take turns.
    public var maximumFrame = 32 << 10

    /// The defaults.
    public init() {}
}
