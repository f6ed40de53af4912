/// The sender's side of a copy, without I/O: calls in, bytes out. File content is read straight into its buffer.
public struct CopyWriter: Sendable {
    /// At least this much room; grows only when its user lets frames collect.
    private var buffer: [UInt8]
    private var start = 0
    private var end = 0
    private var checksum = CopyChecksum()
    private var entries: UInt32 = 0

    /// The most bytes of content in one frame: few system calls a byte, and a good part of a stream's window.
    public static let dataLength = 128 << 10
    /// With more than this waiting it is time to write: small files share a write.
    public static let preferredPending = 96 << 10

    /// A writer with nothing to write.
    public init() { buffer = [UInt8](repeating: 0, count: CopyWriter.preferredPending + CopyWriter.dataLength + (32 << 10)) }

    // MARK: Frames

    /// Adds a frame that is no part of a file.
    public mutating func add(_ type: FrameType, _ payload: [UInt8] = []) {
        makeRoom(Frame.headerLength + payload.count)
        putHeader(type, payload.count, at: end)
        buffer.replaceSubrange(end + Frame.headerLength..<end + Frame.headerLength + payload.count, with: payload)
        end += Frame.headerLength + payload.count
    }

    /// Begins an entry; returns its number, for problems.
    public mutating func add(_ entry: CopyEntry) -> UInt32 {
        defer { entries &+= 1 }
        checksum = CopyChecksum()
        add(.copyEntry, entry.encoded())
        return entries
    }

    /// Adds the file's next bytes: `fill` puts at most `limit` of them into the buffer that it is given and returns how many.
    ///
    /// - Returns: what `fill` returned; with 0 there is no frame.
    public mutating func addData<Failure>(
        upTo limit: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        let limit = min(limit, CopyWriter.dataLength)
        makeRoom(Frame.headerLength + limit)
        let first = end + Frame.headerLength
        let filled: Result<Int, Failure> = buffer.withUnsafeMutableBytes { bytes in
            let room = UnsafeMutableRawBufferPointer(rebasing: bytes[first..<first + limit])
            do throws(Failure) {
                let count = try fill(room)
                checksum.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
                return .success(count)
            } catch { return .failure(error) }
        }
        let count = try filled.get()
        guard count > 0 else { return 0 }
        putHeader(.copyData, count, at: end)
        end = first + count
        return count
    }

    /// As many zeros follow in the file; not 0.
    public mutating func addHole(_ length: UInt64) {
        var payload = ByteWriter()
        payload.write(length)
        payload.bytes.withUnsafeBytes { checksum.update($0) }
        add(.copyHole, payload.bytes)
    }

    /// The file is complete.
    public mutating func endFile() {
        var payload = ByteWriter()
        payload.write(checksum.value)
        add(.copyFileEnd, payload.bytes)
    }

    // MARK: Bytes

    /// How many bytes wait to be written.
    public var pendingCount: Int { end - start }

    /// Shows the bytes that wait to `body`, which returns how many of them are written.
    public mutating func write<Failure>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        let written: Result<Int, Failure> = buffer.withUnsafeBytes { bytes in
            do throws(Failure) {
                return .success(try body(UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
            } catch { return .failure(error) }
        }
        start += min(max(0, try written.get()), pendingCount)
    }

    /// Nobody will read the bytes that wait.
    public mutating func discard() { start = end }

    private mutating func makeRoom(_ count: Int) {
        if start == end { (start, end) = (0, 0) }
        if buffer.count - end < count { buffer.append(contentsOf: repeatElement(0, count: count)) }
    }

    private mutating func putHeader(_ type: FrameType, _ length: Int, at offset: Int) {
        buffer[offset] = type.rawValue
        for (index, shift) in [24, 16, 8, 0].enumerated() { buffer[offset + 1 + index] = UInt8(truncatingIfNeeded: length >> shift) }
    }
}
