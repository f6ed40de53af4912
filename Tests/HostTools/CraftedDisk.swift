/// The bytes by which some formats are known, with the checksums that libblkid asks for.
package enum CraftedDisk {
    /// The label of an LVM2 physical volume, for its second sector, as `pvcreate`, which wants a block device, writes it.
    package static var physicalVolume: [UInt8] { physicalVolume(spoiling: 0) }

    package static func physicalVolume(spoiling: UInt8) -> [UInt8] {
        let label = Array("LABELONE".utf8) + number(1, 8)
        let body = number(0x20, 4) + Array("LVM2 001".utf8) + Array("0123456789abcdef0123456789abcdef".utf8)
        let rest = padded(body, to: 512 - 20)
        var checksum = lvmChecksum(rest)
        checksum[0] ^= spoiling
        return label + checksum + rest
    }

    /// LVM2's CRC: the usual polynomial, begun with 0xF597A6CF and not inverted.
    private static func lvmChecksum(_ bytes: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 0xF597_A6CF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return number(UInt64(sum), 4)
    }

    private static let arrayMagic = number(0xA92B_4EFC, 4)

    /// A member of an array of `mdadm --metadata=0.90` (the kernel's `mdp_super_t`).
    package static var arrayMember090: [UInt8] {
        let constants = arrayMagic + number(0, 4) + number(90, 4) + number(0, 4) + number(0, 4) + number(0x0123_4567, 4)
        let layout = number(1_700_000_000, 4) + number(1, 4) + number(16_000, 4) + number(2, 4) + number(2, 4) + number(0, 4) + number(0, 4)
        return padded(constants + layout + number(0x89AB_CDEF, 4) + number(0x0246_8ACE, 4) + number(0x1357_9BDF, 4), to: 4096)
    }

    /// A member of an array of `mdadm --metadata=1.x`, with its superblock at `place` (the kernel's `struct mdp_superblock_1`).
    package static func arrayMember1(place: Int) -> [UInt8] {
        var bytes = arrayMagic + number(1, 4) + number(0, 8) + Array("0123456789abcdef".utf8)
        bytes += padded(Array("host:array".utf8), to: 32) + number(1_700_000_000, 8) + number(1, 4) + number(0, 4) + number(16_000, 8)
        bytes = padded(bytes + number(0, 4) + number(2, 4), to: 128)
        bytes += number(2048, 8) + number(16_000, 8) + number(UInt64(place / 512), 8)
        bytes = padded(bytes, to: 220) + number(2, 4)
        bytes = padded(bytes, to: 260)
        // The sum of its 32-bit words, with its carries, at 216.
        var sum: UInt64 = 0
        for word in stride(from: 0, to: bytes.count, by: 4) { for byte in 0..<4 { sum += UInt64(bytes[word + byte]) << UInt64(8 * byte) } }
        bytes.replaceSubrange(216..<220, with: number((sum & 0xFFFF_FFFF) + (sum >> 32), 4))
        return padded(bytes, to: 512)
    }

    /// One of the four labels of a ZFS pool's disk: at 128 KiB the ring of its uberblocks.
    package static var poolLabel: [UInt8] {
        let uberblock = padded(number(0x00BA_B10C, 8) + number(5000, 8) + number(7, 8), to: 1024)
        return [UInt8](repeating: 0, count: 128 << 10) + (0..<16).flatMap { _ in uberblock }
    }

    /// The first sector of a volume that BitLocker has encrypted, and the place of its metadata.
    package static var bitLocker: [UInt8] {
        var bytes: [UInt8] = [0xEB, 0x58, 0x90] + Array("-FVE-FS-".utf8)
        bytes = padded(bytes + number(512, 2) + [8], to: 160)
        bytes += [0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01] + number(1 << 20, 8)
        bytes = padded(bytes, to: 510) + [0x55, 0xAA]
        return padded(bytes, to: 1 << 20) + padded(Array("-FVE-FS-".utf8) + number(64, 2) + number(2, 2), to: 512)
    }

    /// The superblock of an APFS container (`nx_superblock_t`).
    package static var container: [UInt8] {
        let header = number(0x1122_3344_5566_7788, 8) + number(1, 8) + number(1, 8) + number(0x8000_0001, 4) + number(0, 4)
        return padded(header + Array("NXSB".utf8) + number(4096, 4) + number(4096, 8), to: 4096)
    }

    private static func number(_ value: UInt64, _ length: Int) -> [UInt8] {
        (0..<length).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private static func padded(_ bytes: [UInt8], to length: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count))
    }
}
