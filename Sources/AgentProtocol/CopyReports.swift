/// Something that did not go well in a copy: the payload of a `copyProblem` frame, which either side may send at any time.
///
/// Payload: severity (1), number of the entry (4), length N of the path (2), path, text.
public struct CopyProblem: Equatable, Sendable {
    /// What it means for the copy.
    public enum Severity: UInt8, Sendable {
        /// Something was left out as it has to be, such as a device.
        case warning = 0
        /// This entry was not copied, or not with all its attributes; the copy goes on.
        case error = 1
        /// The copy ends here.
        case fatal = 2
    }

    /// What it means for the copy.
    public var severity: Severity
    /// The entry that it is about, counted from 0 in the order of `copyEntry` frames; nil when it is about none of them.
    public var entry: UInt32?
    /// The path on the side that reports, as a person there would write it. Any bytes.
    public var path: [UInt8]
    /// Why, UTF-8, one line.
    public var text: String

    /// Makes a report from its parts.
    public init(_ severity: Severity, entry: UInt32? = nil, path: [UInt8], text: String) {
        self.severity = severity
        self.entry = entry
        self.path = path
        self.text = text
    }

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(severity.rawValue)
        writer.write(entry ?? .max)
        let path = path.prefix(8 << 10)
        writer.write(UInt16(truncatingIfNeeded: path.count))
        writer.bytes.append(contentsOf: path)
        writer.bytes.append(contentsOf: text.utf8.prefix(4096))
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`, or `invalid` for an unknown severity.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        guard let severity = Severity(rawValue: try reader.readUInt8()) else { throw .invalid("severity") }
        let entry = try reader.readUInt32()
        let path = try reader.readBytes(Int(try reader.readUInt16()))
        let text = String(decoding: try reader.readBytes(reader.remaining), as: UTF8.self)
        self.init(severity, entry: entry == .max ? nil : entry, path: Array(path), text: text)
    }
}

/// What a receiver has made of a copy: the payload of its last frame, `copyResult`.
///
/// Payload: entries (8), bytes (8), errors (4).
public struct CopyResult: Equatable, Sendable {
    /// Files, directories and links that are in place.
    public var entries: UInt64
    /// Bytes of files' content, holes not counted.
    public var bytes: UInt64
    /// Problems of this side that were more than warnings.
    public var errors: UInt32

    /// Makes a result from its parts.
    public init(entries: UInt64 = 0, bytes: UInt64 = 0, errors: UInt32 = 0) {
        self.entries = entries
        self.bytes = bytes
        self.errors = errors
    }

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(entries)
        writer.write(bytes)
        writer.write(errors)
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        self.init(entries: try reader.readUInt64(), bytes: try reader.readUInt64(), errors: try reader.readUInt32())
    }
}
