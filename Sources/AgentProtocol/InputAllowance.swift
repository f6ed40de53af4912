/// How much input a client may send before the command has taken any: the same count on both sides.
///
/// Input that a command does not read would fill the stream's window, and a signal for it could not pass. So a client sends
/// no more than this, less than a window; each `inputTaken` gives it more.
public enum InputAllowance {
    /// Bytes of input on the way at once.
    public static let initial = 192 << 10
    /// The agent says what was taken in lumps of at least so many bytes, or when nothing waits any more.
    public static let lump = 32 << 10

    /// The payload of an `inputTaken` frame.
    public static func encoded(_ count: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt32(truncatingIfNeeded: count))
        return writer.bytes
    }

    /// Reads the payload of an `inputTaken` frame. Throws `truncated`, or `invalid` for more than may have been on the way.
    public static func decode(_ payload: ArraySlice<UInt8>) throws(ProtocolError) -> Int {
        var reader = ByteReader(payload)
        let count = Int(try reader.readUInt32())
        guard count <= initial else { throw .invalid("input taken") }
        return count
    }
}
