/// Reads little-endian numbers and C strings at offsets in a file; every read outside of it is an error.
struct LittleEndianReader {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var count: Int { bytes.count }

    func uint16(at offset: UInt64, _ distance: UInt64 = 0) throws(ELFError) -> UInt16 {
        UInt16(truncatingIfNeeded: try number(at: offset, distance, size: 2))
    }

    func uint32(at offset: UInt64, _ distance: UInt64 = 0) throws(ELFError) -> UInt32 {
        UInt32(truncatingIfNeeded: try number(at: offset, distance, size: 4))
    }

    func uint64(at offset: UInt64, _ distance: UInt64 = 0) throws(ELFError) -> UInt64 {
        try number(at: offset, distance, size: 8)
    }

    /// The bytes from `start` to the next zero byte, which must come before `end`, as UTF-8.
    func string(at start: UInt64, end: UInt64) throws(ELFError) -> String {
        let limit = min(end, UInt64(bytes.count))
        guard start < limit else { throw .damaged("string outside of the file") }
        let slice = bytes[Int(start)..<Int(limit)]
        guard let zero = slice.firstIndex(of: 0) else { throw .damaged("string without an end") }
        return String(decoding: slice[..<zero], as: UTF8.self)
    }

    private func number(at offset: UInt64, _ distance: UInt64, size: UInt64) throws(ELFError) -> UInt64 {
        let (start, overflow) = offset.addingReportingOverflow(distance)
        guard !overflow, start <= UInt64(bytes.count), UInt64(bytes.count) - start >= size else {
            throw .damaged("field outside of the file")
        }
        return (0..<size).reduce(0) { $0 | UInt64(bytes[Int(start + $1)]) << (8 * $1) }
    }
}
