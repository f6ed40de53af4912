/// Cuts a byte stream into headers and pieces of data. A frame's data is handed on as it arrives, so a large frame is
/// never held.
struct FrameParser: Sendable {
    /// A piece of one stream's data.
    struct Data {
        var bytes: [UInt8]
        /// The frame ends here, and carried FIN.
        var isLast: Bool
    }

    enum Found {
        case nothing
        case header(Header)
        case data(UInt32, Data)
    }

    private var partial: [UInt8] = []
    private var remaining: UInt32 = 0
    private var stream: UInt32?
    private var finishes = false

    /// The next `length` bytes are data of `stream`.
    mutating func expect(_ length: UInt32, of stream: UInt32, finishes: Bool) {
        (self.remaining, self.stream, self.finishes) = (length, stream, finishes)
    }

    /// The next `length` bytes are nobody's.
    mutating func skip(_ length: UInt32) { (remaining, stream, finishes) = (length, nil, false) }

    /// Takes from the front of `bytes`, which is not empty: a header, a piece of data, or the beginning of a header.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(YamuxError) -> (used: Int, found: Found) {
        if remaining > 0 {
            let count = min(bytes.count, Int(remaining))
            remaining -= UInt32(count)
            guard let stream else { return (count, .nothing) }
            return (count, .data(stream, Data(bytes: Array(bytes[..<count]), isLast: remaining == 0 && finishes)))
        }
        if partial.isEmpty, bytes.count >= Header.size { return (Header.size, .header(try Header(decoding: bytes))) }
        let count = min(bytes.count, Header.size - partial.count)
        partial.append(contentsOf: bytes[..<count])
        guard partial.count == Header.size else { return (count, .nothing) }
        let whole = partial
        partial.removeAll(keepingCapacity: true)
        let header: Result<Header, YamuxError> = whole.withUnsafeBytes { buffer in
            do throws(YamuxError) { return .success(try Header(decoding: buffer)) } catch { return .failure(error) }
        }
        return (count, .header(try header.get()))
    }
}
