/// Appends big-endian fields to a byte array. All lengths are in bytes.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func write(_ value: UInt8) { bytes.append(value) }

    mutating func write(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func write(_ value: UInt32) {
        write(UInt16(truncatingIfNeeded: value >> 16))
        write(UInt16(truncatingIfNeeded: value))
    }

    mutating func write(_ value: UInt64) {
        write(UInt32(truncatingIfNeeded: value >> 32))
        write(UInt32(truncatingIfNeeded: value))
    }

    /// A field: its tag, its length as 32 bits, its bytes.
    mutating func writeField(_ tag: UInt8, _ value: some Collection<UInt8>) {
        write(tag)
        write(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }
}

/// Reads big-endian fields from a byte array; every read past the end is an error, never a trap.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func readUInt8() throws(ProtocolError) -> UInt8 {
        guard remaining >= 1 else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func readUInt16() throws(ProtocolError) -> UInt16 {
        let high = try readUInt8()
        let low = try readUInt8()
        return UInt16(high) << 8 | UInt16(low)
    }

    mutating func readUInt32() throws(ProtocolError) -> UInt32 {
        let high = try readUInt16()
        let low = try readUInt16()
        return UInt32(high) << 16 | UInt32(low)
    }

    /// Microseconds since a boot. Far from what would overflow in calculations.
    mutating func readUptime() throws(ProtocolError) -> UInt64 {
        let uptime = try readUInt64()
        guard uptime < 1 << 62 else { throw .invalid("uptime") }
        return uptime
    }

    mutating func readUInt64() throws(ProtocolError) -> UInt64 {
        let high = try readUInt32()
        let low = try readUInt32()
        return UInt64(high) << 32 | UInt64(low)
    }

    mutating func readBytes(_ count: Int) throws(ProtocolError) -> ArraySlice<UInt8> {
        guard count >= 0, remaining >= count else { throw .truncated }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// The next field, or nil at the end.
    mutating func readField() throws(ProtocolError) -> (tag: UInt8, value: ArraySlice<UInt8>)? {
        guard remaining > 0 else { return nil }
        let tag = try readUInt8()
        let length = try readUInt32()
        return (tag, try readBytes(Int(length)))
    }
}
