internal import CLinux
internal import LinuxSystem

/// What a disk has in its last 4 KiB while the agent formats it: written before mke2fs begins, cleared when all that it wrote is
/// on the disk, and outside of the filesystem, which ends before it. A boot that finds it, and on the rest of the disk nothing or
/// that very filesystem, never mounted, begins again; what else there is may be somebody's.
struct FormatMark: Equatable {
    /// The bytes at the disk's end that are the mark's.
    static let length = 4096
    /// On a smaller disk there is no filesystem worth beginning again.
    private static let smallestDisk: Int64 = 1 << 20
    private static let magic = Array("vm-agent: unfinished format\n".utf8)

    /// The UUID of the filesystem that is being made.
    let uuid: [UInt8]
    /// The disk's size in bytes: a mark that was copied to another disk counts for nothing there.
    let diskSize: Int64

    /// A mark for a new filesystem on `device`; nil when that is too small for one.
    static func new(for device: String) throws(Errno) -> FormatMark? {
        let file = try FileDescriptor.open(device, .read)
        defer { file.close() }
        let size = try size(of: file)
        guard size >= smallestDisk else { return nil }
        var uuid = randomBytes(16)
        // Version 4, variant 1 (RFC 9562).
        uuid[6] = uuid[6] & 0x0F | 0x40
        uuid[8] = uuid[8] & 0x3F | 0x80
        return FormatMark(uuid: uuid, diskSize: size)
    }

    /// The mark that `device` has; nil when it has none.
    static func found(on device: String) throws(Errno) -> FormatMark? {
        let file = try FileDescriptor.open(device, .read)
        defer { file.close() }
        let size = try size(of: file)
        guard size >= smallestDisk else { return nil }
        guard lseek(file.rawValue, off_t(size) - off_t(length), SEEK_SET) >= 0 else { throw .current }
        let bytes = try Files.read(file)
        guard bytes.count == length else { return nil }
        let mark = FormatMark(uuid: Array(bytes[magic.count..<magic.count + 16]), diskSize: size)
        return mark.encoded == bytes ? mark : nil
    }

    /// All in the first sector, which a disk writes whole or not at all; the rest is zero.
    private var encoded: [UInt8] {
        var bytes = FormatMark.magic + uuid
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: diskSize >> Int64(8 * shift))) }
        bytes += [UInt8](repeating: 0, count: FormatMark.length - bytes.count)
        return bytes
    }

    /// `8-4-4-4-12` digits, as libblkid and mke2fs write it.
    var uuidText: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in uuid.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The filesystem's size as mke2fs takes it.
    var filesystemSize: String { "\((diskSize - Int64(FormatMark.length)) / 1024)k" }

    /// Puts the mark on the disk; it is there when this returns.
    func write(to device: String) throws(Errno) { try overwrite(device, encoded) }

    /// Takes it away, after all that was written before.
    func clear(from device: String) throws(Errno) {
        let file = try FileDescriptor.open(device, .readWrite)
        defer { file.close() }
        guard fsync(file.rawValue) == 0 else { throw .current }
        try overwrite(device, [UInt8](repeating: 0, count: FormatMark.length))
    }

    private func overwrite(_ device: String, _ bytes: [UInt8]) throws(Errno) {
        let file = try FileDescriptor.open(device, .readWrite)
        defer { file.close() }
        guard lseek(file.rawValue, off_t(diskSize) - off_t(FormatMark.length), SEEK_SET) >= 0 else { throw .current }
        try file.writeAll(bytes)
        guard fsync(file.rawValue) == 0 else { throw .current }
    }

    private static func size(of file: FileDescriptor) throws(Errno) -> Int64 {
        let size = lseek(file.rawValue, 0, SEEK_END)
        guard size >= 0 else { throw .current }
        return Int64(size)
    }
}
