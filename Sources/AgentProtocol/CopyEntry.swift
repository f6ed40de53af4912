/// A file's time of change or use: seconds and nanoseconds since 1970, before it when negative.
public struct CopyTime: Equatable, Sendable {
    /// Whole seconds, rounded down.
    public var seconds: Int64
    /// Below 1,000,000,000.
    public var nanoseconds: UInt32

    /// Makes a time from its parts.
    public init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// One file, directory or link of a copy: the payload of a `copyEntry` frame.
///
///     offset  size  field
///     0       1     kind: 1 file, 2 directory, 3 symbolic link, 4 hard link
///     1       2     mode: permission bits, set-user-ID, set-group-ID and sticky
///     3       4     owner
///     7       4     group
///     11      12    time of last change: seconds (8, signed), nanoseconds (4)
///     23      12    time of last use
///     35      8     size of a file as far as the sender knows it; all ones when it does not
///     43      4     link number
///     47      2     length N of the name
///     49      N     name
///     49+N    rest  target of a symbolic link
public struct CopyEntry: Equatable, Sendable {
    /// What it is.
    public enum Kind: Equatable, Sendable {
        /// A regular file; its content follows. `size` may be wrong: it says only what progress shows, whether the content is held first, and
        /// what room may be made for it. A `link` other than 0 is its number for `hardLink`.
        case file(size: UInt64?, link: UInt32)
        /// A directory; its entries follow, up to `copyLeave`.
        case directory
        /// A symbolic link with this target, any bytes but zero, which nobody follows.
        case symbolicLink([UInt8])
        /// Another name of the file that was sent with this number.
        case hardLink(UInt32)
    }

    /// What it is.
    public var kind: Kind
    /// One name, without `/`; empty for the entry that the copy begins with, whose name is the receiver's choice.
    public var name: [UInt8]
    /// Permission bits, set-user-ID, set-group-ID and sticky: 07777 at most. Of no meaning for links.
    public var mode: UInt16
    /// User number.
    public var owner: UInt32
    /// Group number.
    public var group: UInt32
    /// When its content was last changed.
    public var changed: CopyTime
    /// When its content was last read.
    public var used: CopyTime

    /// Makes an entry from its parts.
    public init(
        _ kind: Kind, name: [UInt8] = [], mode: UInt16 = 0o644, owner: UInt32 = 0, group: UInt32 = 0,
        changed: CopyTime = CopyTime(seconds: 0), used: CopyTime = CopyTime(seconds: 0)
    ) {
        self.kind = kind
        self.name = name
        self.mode = mode
        self.owner = owner
        self.group = group
        self.changed = changed
        self.used = used
    }

    /// The deepest that directories of a copy may be nested: both sides hold one open per level.
    public static let maximumDepth = 1000
    /// The most files of one copy that have a link number: what a receiver must remember.
    public static let maximumLinks = 1 << 20
    /// The most bytes of a symbolic link's target (PATH_MAX without the zero).
    public static let maximumTargetLength = 4095

    private static let unknownSize = UInt64.max

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var (number, size, link, target): (UInt8, UInt64, UInt32, [UInt8]) = (2, 0, 0, [])
        switch kind {
        case .file(let known, let own): (number, size, link) = (1, known ?? CopyEntry.unknownSize, own)
        case .directory: break
        case .symbolicLink(let path): (number, target) = (3, path)
        case .hardLink(let first): (number, link) = (4, first)
        }
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(49 + name.count + target.count)
        writer.write(number)
        writer.write(mode)
        writer.write(owner)
        writer.write(group)
        for time in [changed, used] {
            writer.write(UInt64(bitPattern: time.seconds))
            writer.write(time.nanoseconds)
        }
        writer.write(size)
        writer.write(link)
        writer.write(UInt16(truncatingIfNeeded: name.count))
        writer.bytes.append(contentsOf: name)
        writer.bytes.append(contentsOf: target)
        return writer.bytes
    }

    /// Reads a payload.
    ///
    /// - Throws: `truncated`, or `invalid` with the field that no honest sender fills so.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let number = try reader.readUInt8()
        let mode = try reader.readUInt16()
        guard mode <= 0o7777 else { throw .invalid("mode") }
        let owner = try reader.readUInt32()
        let group = try reader.readUInt32()
        // The all-ones number means "do not change" to chown(2).
        guard owner != .max, group != .max else { throw .invalid("owner") }
        let changed = try CopyEntry.readTime(&reader)
        let used = try CopyEntry.readTime(&reader)
        let size = try reader.readUInt64()
        let link = try reader.readUInt32()
        let name = try reader.readBytes(Int(try reader.readUInt16()))
        guard name.isEmpty || CopyEntry.isName(name) else { throw .invalid("name") }
        let target = try reader.readBytes(reader.remaining)
        guard number == 3 || target.isEmpty else { throw .invalid("target") }
        let kind: Kind
        switch number {
        case 1: kind = .file(size: size == CopyEntry.unknownSize ? nil : size, link: link)
        case 2: kind = .directory
        case 3:
            guard !target.isEmpty, target.count <= CopyEntry.maximumTargetLength, !target.contains(0) else { throw .invalid("target") }
            kind = .symbolicLink(Array(target))
        case 4: kind = .hardLink(link)
        default: throw .invalid("entry kind")
        }
        self.init(kind, name: Array(name), mode: mode, owner: owner, group: group, changed: changed, used: used)
    }

    private static func readTime(_ reader: inout ByteReader) throws(ProtocolError) -> CopyTime {
        let seconds = Int64(bitPattern: try reader.readUInt64())
        let nanoseconds = try reader.readUInt32()
        guard nanoseconds < 1_000_000_000 else { throw .invalid("time") }
        return CopyTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Whether a directory can have an entry of this name, and it leads nowhere else: one component, not `.` or `..`.
    public static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        guard (1...255).contains(bytes.count), !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")) else { return false }
        return bytes.count > 2 || !bytes.allSatisfy { $0 == UInt8(ascii: ".") }
    }
}
