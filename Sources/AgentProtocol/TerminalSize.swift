/// How many characters a terminal shows: the payload of a `resize` frame.
public struct TerminalSize: Equatable, Sendable {
    /// Lines.
    public var rows: UInt16
    /// Characters a line.
    public var columns: UInt16

    /// Makes a size; the default is that of the terminals of old, for a client that has none to ask.
    public init(rows: UInt16 = 24, columns: UInt16 = 80) {
        self.rows = rows
        self.columns = columns
    }

    /// The payload's bytes: rows (2), columns (2).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(rows)
        writer.write(columns)
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        self.init(rows: try reader.readUInt16(), columns: try reader.readUInt16())
    }
}
