internal import CLinux
internal import LinuxSystem

/// What the superblock of an ext2, ext3 or ext4 says of its filesystem's state (the kernel's `struct ext4_super_block`).
struct ExtSuperblock {
    /// Where on the disk it is, and how many of its bytes are looked at.
    static let place = 1024
    private static let length = 1024
    private let bytes: [UInt8]
    /// How large the disk is, in bytes.
    let diskSize: UInt64

    /// Reads the one on `device`, through the same cache that the kernel's own driver writes it to.
    init(of device: String) throws(Errno) {
        let file = try FileDescriptor.open(device, .read)
        defer { file.close() }
        var all = [UInt8](repeating: 0, count: ExtSuperblock.place + ExtSuperblock.length)
        var count = 0
        while count < all.count {
            let result: Result<Int, Errno> = all.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                do throws(Errno) { return .success(try file.read(into: rest) ?? 0) } catch { return .failure(error) }
            }
            let got = try result.get()
            guard got > 0 else { throw Errno(EIO) }
            count += got
        }
        let size = lseek(file.rawValue, 0, SEEK_END)
        guard size >= 0 else { throw .current }
        self.init(Array(all[ExtSuperblock.place...]), diskSize: UInt64(size))
    }

    /// A superblock from its 1,024 bytes.
    init(_ bytes: [UInt8], diskSize: UInt64) {
        self.bytes = bytes
        self.diskSize = diskSize
    }

    /// Whether the filesystem has never been mounted to be written to: `s_mtime` and `s_mnt_count` are zero.
    var wasNeverMounted: Bool { number(44, 4) == 0 && number(52, 2) == 0 }
    /// Whether it was unmounted, or never mounted, as far as this says: `s_state` has EXT2_VALID_FS. One with a journal keeps that
    /// while it is mounted.
    var isMarkedClean: Bool { number(58, 2) & 1 != 0 }
    /// Whether the kernel or e2fsck has met errors in it that were not mended: `s_state` has EXT2_ERROR_FS.
    var hasErrors: Bool { number(58, 2) & 2 != 0 }
    /// Whether its journal has to be replayed: `s_feature_incompat` has EXT3_FEATURE_INCOMPAT_RECOVER.
    var needsReplay: Bool { number(96, 4) & 4 != 0 }
    /// How large it is: `s_blocks_count` blocks, whose high half counts with EXT4_FEATURE_INCOMPAT_64BIT only.
    var byteCount: UInt64 {
        let blocks = number(4, 4) | (number(96, 4) & 0x80 != 0 ? number(336, 4) << 32 : 0)
        return blocks << (10 + min(number(24, 4), 16))
    }

    /// Whether it reaches beyond the disk's end.
    var isCutShort: Bool { byteCount > diskSize }

    private func number(_ offset: Int, _ length: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<length { number |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        return number
    }
}
