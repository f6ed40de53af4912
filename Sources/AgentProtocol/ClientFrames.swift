/// Turns the bytes of a client of exec or attach into frames, as `FrameDecoder` does, but for the command's input: of that each piece is a
/// frame as soon as it is there, a part of the bytes that were given, and so not copied. An input is bytes; where its frames end means nothing.
public struct ClientFrames: Sendable {
    /// Has the beginning of a frame that has not come whole; what follows that is in `rest`.
    private var decoder: FrameDecoder
    private var rest: ArraySlice<UInt8> = []
    /// How many bytes of a frame of input are still to come.
    private var remaining = 0

    /// Goes on behind the frames that `decoder` has taken, with the bytes that it has.
    public init(_ decoder: FrameDecoder = FrameDecoder()) { self.decoder = decoder }

    /// Adds bytes that arrived. Take all frames before the next ones.
    public mutating func append(_ bytes: ArraySlice<UInt8>) { rest = rest.isEmpty ? bytes : rest + bytes }

    /// The next frame, or nil until more bytes arrive.
    ///
    /// - Throws: as `FrameDecoder.next`.
    public mutating func next() throws(ProtocolError) -> Frame? {
        while true {
            if remaining > 0 {
                guard !rest.isEmpty else { return nil }
                let count = min(remaining, rest.count)
                remaining -= count
                return Frame(.standardInput, take(count))
            }
            if let frame = try decoder.next() { return frame }
            guard !rest.isEmpty else { return nil }
            if decoder.bufferedCount == 0, let length = try inputLength() {
                _ = take(Frame.headerLength)
                guard length > 0 else { return Frame(.standardInput) }
                remaining = length
            } else {
                decoder.append(take(min(decoder.missingCount, rest.count)))
            }
        }
    }

    /// The length of the frame of input that `rest` begins with; nil when it begins with another, or not with a whole header.
    private func inputLength() throws(ProtocolError) -> Int? {
        guard rest.first == FrameType.standardInput.rawValue, rest.count >= Frame.headerLength else { return nil }
        return try Frame.payloadLength(rest.dropFirst())
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
