/// Cuts a byte stream into headers and pieces of data. A frame's data is handed on as it arrives, so a large frame is
/// never held.
struct FrameParser: Sendable {
    enum Found {
        /// Bytes that are of no interest yet, or ever.
        case nothing
        case header(Header)
        /// The bytes used are data of `stream`; the frame ends with them, and carried FIN, if `finishes`.
        case data(stream: UInt32, finishes: Bool)
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
            return (count, .data(stream: stream, finishes: remaining == 0 && finishes))
        }
        if partial.isEmpty, bytes.count >= Header.size { return (Header.size, .header(try Header(decoding: bytes))) }
        let count = min(bytes.count, Header.size - partial.count)
        partial.append(contentsOf: bytes[..<count])
        guard partial.count == Header.size else { return (count, .nothing) }
        let header: Result<Header, YamuxError> = partial.withUnsafeBytes { buffer in
            do throws(YamuxError) { return .success(try Header(decoding: buffer)) } catch { return .failure(error) }
        }
        partial.removeAll(keepingCapacity: true)
        return (count, .header(try header.get()))
    }
}
