/// Disks that are somebody's: made by the tools that make them, or, where those need a kernel that knows the format, or are not free,
/// by the bytes that are on such a disk.
package enum DiskCorpus: String, CaseIterable {
    case ext2, ext3, ext4, xfs, btrfs, vfat, ntfs, f2fs, exfat, iso9660, squashfs, erofs, swap, luks1, luks2, lvm
    case mdadm090, mdadm10, mdadm11, mdadm12, gpt, gptWithOnlyTheBackup, mbr, bcache, zfs, bitLocker, apfs
    case text, randomBytes

    /// As the kernel and libblkid call it, with what it is for the agent; nil where libblkid has no name for it.
    package var type: (name: String, isFilesystem: Bool)? {
        switch self {
        case .ext2, .ext3, .ext4, .xfs, .btrfs, .vfat, .ntfs, .f2fs, .exfat, .iso9660, .squashfs, .erofs: (rawValue, true)
        case .swap, .bcache: (rawValue, false)
        case .luks1, .luks2: ("crypto_LUKS", false)
        case .lvm: ("LVM2_member", false)
        case .mdadm090, .mdadm10, .mdadm11, .mdadm12: ("linux_raid_member", false)
        case .gpt: ("a partition table, gpt", false)
        case .mbr: ("a partition table, dos", false)
        // What libblkid takes for a filesystem is mounted, or refused by the kernel.
        case .zfs: ("zfs_member", true)
        case .bitLocker: ("BitLocker", false)
        case .apfs: ("apfs", true)
        // Its backup alone is none for libblkid, nor for the kernel; but it is somebody's.
        case .gptWithOnlyTheBackup, .text, .randomBytes: nil
        }
    }

    private var size: Int {
        switch self {
        // mkfs.xfs makes none that is smaller.
        case .xfs: 300 << 20
        case .f2fs, .zfs: 64 << 20
        case .luks2: 32 << 20
        default: 16 << 20
        }
    }

    package func make() throws -> DiskImage {
        let disk = try DiskImage(size: size)
        let path = disk.path
        switch self {
        case .ext2, .ext3, .ext4: try Tool.run("mke2fs", "-q", "-F", "-t", rawValue, path)
        case .xfs: try Tool.run("mkfs.xfs", "-q", path)
        case .btrfs: try Tool.run("mkfs.btrfs", "-q", "--mixed", path)
        case .vfat: try Tool.run("busybox", "mkdosfs", path)
        case .ntfs: try Tool.run("mkntfs", "-F", "-Q", "-q", path)
        case .f2fs: try Tool.run("mkfs.f2fs", "-q", path)
        case .exfat: try Tool.run("mkfs.exfat", path)
        case .iso9660: try Tool.run("genisoimage", "-quiet", "-o", path, try tree(disk))
        case .squashfs: try Tool.run("mksquashfs", try tree(disk), path, "-noappend", "-quiet")
        case .erofs: try Tool.run("mkfs.erofs", path, try tree(disk))
        case .swap: try Tool.run("mkswap", path)
        case .luks1: try luks(path, rawValue)
        case .luks2: try luks(path, rawValue)
        case .gpt: try partition(path, "gpt")
        case .gptWithOnlyTheBackup:
            try partition(path, "gpt")
            try disk.write([UInt8](repeating: 0, count: 34 * 512), at: 0)
        case .mbr: try partition(path, "dos")
        case .bcache: try Tool.run("make-bcache", "-B", path)
        case .lvm: try disk.write(CraftedDisk.physicalVolume, at: 512)
        case .mdadm090: try disk.write(CraftedDisk.arrayMember090, at: -65536)
        case .mdadm10: try disk.write(CraftedDisk.arrayMember1(place: size - 8192), at: -8192)
        case .mdadm11: try disk.write(CraftedDisk.arrayMember1(place: 0), at: 0)
        case .mdadm12: try disk.write(CraftedDisk.arrayMember1(place: 4096), at: 4096)
        case .zfs: for place in [0, 256 << 10, -(512 << 10), -(256 << 10)] { try disk.write(CraftedDisk.poolLabel, at: place) }
        case .bitLocker: try disk.write(CraftedDisk.bitLocker, at: 0)
        case .apfs: try disk.write(CraftedDisk.container, at: 0)
        case .text: try disk.write(Array(String(repeating: "What is written here is nowhere else.\n", count: 100).utf8), at: 0)
        case .randomBytes:
            var random = SeededGenerator(seed: 11)
            try disk.write(random.bytes(65_536), at: 1 << 20)
        }
        // Some tools make the file as small as it can be; a disk is larger.
        try Tool.run("truncate", "-s", ">\(size)", path)
        return disk
    }

    private func tree(_ disk: DiskImage) throws -> String {
        var random = SeededGenerator(seed: 12)
        try disk.directory.write("tree/file", random.bytes(100_000))
        return "\(disk.directory.path)/tree"
    }

    private func luks(_ path: String, _ type: String) throws {
        let derivation = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]
        let command = ["cryptsetup", "luksFormat", "--batch-mode", "--type", type] + derivation + [path, "-"]
        let outcome = try Tool.outcome(command, input: Array("a pass phrase".utf8))
        guard outcome.isSuccess else { throw Tool.Failure(description: "cryptsetup: \(outcome.errors)") }
    }

    private func partition(_ path: String, _ label: String) throws {
        try Tool.run("sfdisk", "--quiet", path, input: Array("label: \(label)\n,1M\n".utf8))
    }
}
