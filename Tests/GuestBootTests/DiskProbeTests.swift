import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// A disk is formatted only when it is proved empty; here what counts as a proof.
@Suite struct DiskProbeTests {
    @Test(arguments: [DiskImage.size, 512, 4096, (1 << 20) + 512, 3 << 20, 1, 8, 1001, (1 << 20) + 7])
    func nothingButZerosIsEmpty(_ size: Int) throws {
        #expect(try DiskImage(size: size).content() == .empty)
    }

    static let places = [0, 1, 7, 8, 511, 512, 1023, 4095, 65_535, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 513, 5_000_001, -1]

    @Test(arguments: places) func oneByteThatIsNotZeroAnywhereIsNotEmpty(_ place: Int) throws {
        let disk = try DiskImage()
        try disk.write([1], at: place)
        let offset = place < 0 ? DiskImage.size + place : place
        #expect(try disk.content() == .occupied("no known signature, but data at byte \(offset)"))
    }

    @Test(arguments: [513, 1001, (1 << 20) + 3]) func theLastByteCountsWhateverTheSize(_ size: Int) throws {
        let disk = try DiskImage(size: size)
        try disk.write([0x80], at: -1)
        #expect(try disk.content() == .occupied("no known signature, but data at byte \(size - 1)"))
    }

    @Test func randomBytesAreNotEmpty() throws {
        let disk = try DiskImage()
        var random = SeededGenerator(seed: 7)
        try disk.write(random.bytes(65_536).map { $0 | 1 }, at: 0)
        #expect(try disk.content() == .occupied("no known signature, but data at byte 0"))
    }

    @Test(arguments: ["ext2", "ext3", "ext4"]) func aFilesystemIsKnownByItsType(_ type: String) throws {
        let disk = try DiskImage(size: 16 << 20)
        try Tool.run("mke2fs", "-q", "-F", "-t", type, disk.path)
        #expect(try disk.content() == .filesystem(type))
    }

    @Test func filesystemsOfOtherKindsAreKept() throws {
        let disk = try DiskImage()
        try Tool.run("busybox", "mkdosfs", disk.path)
        #expect(try disk.content() == .filesystem("vfat"))
    }

    @Test func swapIsOccupied() throws {
        let disk = try DiskImage()
        try Tool.run("mkswap", disk.path)
        #expect(try disk.content() == .occupied("swap (signature at byte 4086)"))
    }

    @Test(arguments: ["gpt", "dos"]) func aPartitionTableIsOccupied(_ label: String) throws {
        let disk = try DiskImage()
        try Tool.run("sfdisk", "--quiet", disk.path, input: Array("label: \(label)\n,1M\n".utf8))
        let place = label == "gpt" ? 512 : 510
        #expect(try disk.content() == .occupied("a partition table, \(label) (signature at byte \(place))"))
    }

    @Test func aPartitionTableWhoseBeginningIsLostIsStillNotEmpty() throws {
        let disk = try DiskImage()
        try Tool.run("sfdisk", "--quiet", disk.path, input: Array("label: gpt\n,1M\n".utf8))
        try disk.write([UInt8](repeating: 0, count: 34 * 512), at: 0)
        guard case .occupied = try disk.content() else {
            Issue.record("the backup at the end was overlooked")
            return
        }
    }

    @Test func aVolumeGroupsDiskIsOccupied() throws {
        let disk = try DiskImage()
        try disk.write(CraftedDisk.physicalVolume, at: 512)
        #expect(try disk.content() == .occupied("LVM2_member (signature at byte 536)"))
        try disk.write(CraftedDisk.physicalVolume(spoiling: 1), at: 512)
        #expect(try disk.content() == .occupied("LVM2_member with a wrong checksum (signature at byte 536)"))
    }

    @Test func anEncryptedDiskIsOccupied() throws {
        let disk = try DiskImage()
        try disk.write(Array("LUKS".utf8) + [0xBA, 0xBE, 0, 1], at: 0)
        #expect(try disk.content() == .occupied("crypto_LUKS (signature at byte 0)"))
    }

    @Test func severalSignaturesAtOnceAreOccupied() throws {
        let disk = try DiskImage(size: 16 << 20)
        try Tool.run("busybox", "mkdosfs", disk.path)
        let other = try DiskImage(size: 16 << 20)
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext4", other.path)
        // An ext4 superblock where FAT has nothing of its own.
        try disk.write(Array(try Files.read(other.path, limit: 16 << 20)[1024..<2048]), at: 1024)
        guard case .occupied(let what) = try disk.content() else {
            Issue.record("one of them was taken for the only one")
            return
        }
        #expect(what.hasPrefix("signatures of several kinds at once: "))
        #expect(what.contains("ext4 (signature at byte 1080)") && what.contains("vfat"), "\(what)")
    }

    @Test func aFormatThatLibblkidDoesNotKnowIsOccupied() throws {
        let disk = try DiskImage(size: 1 << 20)
        try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk.path, "1G")
        #expect(try disk.content() == .occupied("no known signature, but data at byte 0"))
    }

    @Test func whatCannotBeReadIsAnErrorAndNotEmpty() throws {
        let directory = try TemporaryDirectory()
        // The first page of a process's memory cannot be read: EIO, from a file that opens.
        for path in ["\(directory.path)/missing", directory.path, "/proc/self/mem"] {
            let failure = try #require(throws: StepFailure.self) { try DiskProbe.content(of: path) { _ in } }
            #expect(failure.text.contains(path))
            #expect(failure.text.hasSuffix("the disk is not touched"))
        }
    }

    @Test func theHostsWordSparesTheReadingButNotTheSignatures() throws {
        let name = "vm-agent-test-\(UInt64.random(in: 0...UInt64.max))"
        let path = "/dev/shm/\(name)"
        defer { _ = try? Tool.run("rm", "-f", path) }
        try Tool.run("truncate", "-s", "16M", path)
        let directory = try TemporaryDirectory()
        let entry = try directory.write("raw", "blank0123456789abcdef")
        func content(_ entry: String) throws -> DiskContent {
            try DiskProbe.content(of: path, serial: "blank0123456789abcdef", vouchedBy: entry) { _ in }
        }
        // A byte that only reading would find.
        try Tool.run("dd", "of=\(path)", "bs=1", "seek=9000000", "conv=notrunc", "status=none", input: [1])
        #expect(try content(entry) == .empty)
        #expect(try content("/nonexistent") == .occupied("no known signature, but data at byte 9000000"))
        #expect(try content(directory.write("other", "blank0123456789abcdee")) == .occupied("no known signature, but data at byte 9000000"))
        #expect(try content(directory.write("none", "")) == .occupied("no known signature, but data at byte 9000000"))
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext4", path)
        #expect(try content(entry) == .filesystem("ext4"))
    }
}
