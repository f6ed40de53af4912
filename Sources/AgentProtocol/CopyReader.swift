/// What a receiver learns from a copy's bytes, one after the other.
public enum CopyEvent {
    /// The client's request; only from a reader that waits for one.
    case request(CopyRequest)
    /// An entry begins: a file, whose content follows; a directory, whose entries follow; or a link, which is all of it.
    case entry(CopyEntry)
    /// The next bytes of the file. They lie in the bytes that were given to the reader.
    case data(UnsafeRawBufferPointer)
    /// As many zeros follow in the file.
    case hole(UInt64)
    /// The file is complete; not intact when the checksum is another than the sender's.
    case fileEnded(isIntact: Bool)
    /// The sender cannot send the rest of the file.
    case fileAbandoned
    /// The directory that was entered last is complete.
    case left
    /// Something did not go well on the sender's side.
    case problem(CopyProblem)
    /// The copy is complete.
    case ended
}

/// The receiver's side of a copy, without I/O: bytes in, events out. Whatever the bytes are, the events make sense: one entry
/// at the top, names that lead nowhere else, content only inside a file, as many ends as beginnings, sizes and numbers within
/// their limits. File content is not copied on the way.
public struct CopyReader: Sendable {
    private var expectsRequest: Bool
    private var hasRoot = false
    private var hasEnded = false
    private var isInFile = false
    private var depth = 0
    private var links: UInt32 = 0
    private var position: UInt64 = 0
    private var checksum = CopyChecksum()
    /// Bytes of the data frame that has begun which are still to come.
    private var dataRemaining = 0
    /// A frame of any other type as far as it has come, and how long it will be.
    private var partial: [UInt8] = []
    private var partialLength = Frame.headerLength

    /// The longest payload that is not a file's content.
    static let maximumControlLength = 16 << 10
    /// The largest file: what a file offset can say.
    private static let maximumSize = UInt64(Int64.max)

    /// Makes a reader at the beginning of a stream.
    ///
    /// - Parameter expectsRequest: whether the first frame is a `copyRequest`: the agent's side of copy-in.
    public init(expectsRequest: Bool) { self.expectsRequest = expectsRequest }

    /// The next event; takes what it used from the front of `bytes`. Nil when they are used up.
    ///
    /// - Throws: what no honest sender sends. The stream is then of no more use.
    public mutating func next(_ bytes: inout UnsafeRawBufferPointer) throws(ProtocolError) -> CopyEvent? {
        while !bytes.isEmpty {
            if dataRemaining > 0 {
                let piece = CopyReader.take(dataRemaining, from: &bytes)
                dataRemaining -= piece.count
                checksum.update(piece)
                return .data(piece)
            }
            partial.append(contentsOf: CopyReader.take(partialLength - partial.count, from: &bytes))
            guard partial.count == partialLength else { return nil }
            if partialLength == Frame.headerLength {
                guard try readHeader() else { continue }
            }
            defer {
                partial.removeAll(keepingCapacity: true)
                partialLength = Frame.headerLength
            }
            guard let type = FrameType(rawValue: partial[0]) else { throw .unexpectedFrame(partial[0]) }
            return try event(type, partial[Frame.headerLength...])
        }
        return nil
    }

    private static func take(_ limit: Int, from bytes: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let count = min(limit, bytes.count)
        defer { bytes = UnsafeRawBufferPointer(rebasing: bytes[count...]) }
        return UnsafeRawBufferPointer(rebasing: bytes[..<count])
    }

    /// Reads the header in `partial`; true when the frame is complete with it.
    private mutating func readHeader() throws(ProtocolError) -> Bool {
        guard let type = FrameType(rawValue: partial[0]) else { throw .unexpectedFrame(partial[0]) }
        var reader = ByteReader(partial[1...])
        let length = Int(try reader.readUInt32())
        let limit = type == .copyData ? Frame.maximumPayloadLength : CopyReader.maximumControlLength
        guard length <= limit else { throw .tooLong(length: length, limit: limit) }
        guard type == .copyData else {
            partialLength = Frame.headerLength + length
            return length == 0
        }
        guard isInFile else { throw .unexpectedFrame(type.rawValue) }
        try advance(UInt64(length))
        dataRemaining = length
        partial.removeAll(keepingCapacity: true)
        return false
    }

    private mutating func event(_ type: FrameType, _ payload: ArraySlice<UInt8>) throws(ProtocolError) -> CopyEvent {
        if expectsRequest != (type == .copyRequest) || hasEnded { throw .unexpectedFrame(type.rawValue) }
        switch type {
        case .copyRequest:
            expectsRequest = false
            return .request(try CopyRequest(decoding: payload))
        case .copyProblem: return .problem(try CopyProblem(decoding: payload))
        case .copyEntry where !isInFile: return .entry(try begin(CopyEntry(decoding: payload)))
        case .copyHole where isInFile:
            var reader = ByteReader(payload)
            let length = try reader.readUInt64()
            try advance(length)
            payload.withUnsafeBytes { checksum.update($0) }
            return .hole(length)
        case .copyFileEnd where isInFile:
            var reader = ByteReader(payload)
            let isIntact = try reader.readUInt64() == checksum.value
            isInFile = false
            return .fileEnded(isIntact: isIntact)
        case .copyAbandon where isInFile:
            isInFile = false
            return .fileAbandoned
        case .copyLeave where !isInFile && depth > 0:
            depth -= 1
            return .left
        case .copyEnd where !isInFile && depth == 0:
            hasEnded = true
            return .ended
        default: throw .unexpectedFrame(type.rawValue)
        }
    }

    private mutating func begin(_ entry: CopyEntry) throws(ProtocolError) -> CopyEntry {
        // The entry at the top comes once, and has no name; those below have one.
        guard hasRoot == (depth > 0), entry.name.isEmpty == (depth == 0) else { throw .invalid("name") }
        hasRoot = true
        switch entry.kind {
        case .file(_, let link):
            if link != 0 {
                guard link == links + 1, link <= CopyEntry.maximumLinks else { throw .invalid("link number") }
                links = link
            }
            isInFile = true
            position = 0
            checksum = CopyChecksum()
        case .directory:
            guard depth < CopyEntry.maximumDepth else { throw .invalid("depth") }
            depth += 1
        case .symbolicLink: break
        case .hardLink(let link):
            guard depth > 0, (1...max(1, links)).contains(link), link <= links else { throw .invalid("link number") }
        }
        return entry
    }

    private mutating func advance(_ length: UInt64) throws(ProtocolError) {
        guard length <= CopyReader.maximumSize - position else { throw .invalid("file size") }
        position += length
    }
}
