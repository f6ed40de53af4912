import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct FormatEmptyDiskTests {
    private func format(_ disk: DiskImage, _ filesystem: DiskFilesystem = .ext4) throws -> (result: StepResult, content: DiskContent) {
        try FormatEmptyDisk.formatIfEmpty(disk.path, filesystem) { _ in }
    }

    @Test(arguments: [DiskFilesystem.ext2, .ext3, .ext4]) func anEmptyDiskIsFormattedAsAsked(_ filesystem: DiskFilesystem) throws {
        let disk = try DiskImage(size: 16 << 20)
        let outcome = try format(disk, filesystem)
        #expect(outcome.content == .filesystem(filesystem.rawValue))
        #expect(outcome.result == .done("\(disk.path) was empty: made \(filesystem.rawValue)"))
        #expect(try disk.content() == .filesystem(filesystem.rawValue))
        try Tool.run("e2fsck", "-f", "-n", disk.path)
    }

    @Test func aSecondBootKeepsWhatTheFirstMade() throws {
        let disk = try DiskImage(size: 16 << 20)
        _ = try format(disk)
        let before = try disk.checksum()
        let outcome = try format(disk, .ext3)
        #expect(outcome.result == .done("\(disk.path) holds ext4: kept"))
        #expect(outcome.content == .filesystem("ext4"))
        #expect(try disk.checksum() == before)
    }

    @Test(arguments: ["one byte at the end", "swap", "partitions", "random bytes", "a damaged filesystem"])
    func aDiskThatHoldsAnythingIsNotTouched(_ what: String) throws {
        let disk = try DiskImage()
        switch what {
        case "one byte at the end": try disk.write([1], at: -1)
        case "swap": try Tool.run("mkswap", disk.path)
        case "partitions": try Tool.run("sfdisk", "--quiet", disk.path, input: Array("label: dos\n,1M\n".utf8))
        case "random bytes":
            var random = SeededGenerator(seed: 9)
            try disk.write(random.bytes(4096), at: 1 << 20)
        default:
            try Tool.run("mke2fs", "-q", "-F", "-t", "ext4", disk.path)
            try disk.write([UInt8](repeating: 0, count: 4096), at: 0)
        }
        let before = try disk.checksum()
        let failure = try #require(throws: StepFailure.self) { try format(disk) }
        #expect(failure.text.hasPrefix("\(disk.path) is neither empty nor a filesystem: it holds "))
        #expect(failure.text.contains("it is not touched"))
        #expect(try disk.checksum() == before)
    }

    @Test func aFilesystemThatIsDamagedIsLeftToTheKernelToRefuse() throws {
        let disk = try DiskImage(size: 16 << 20)
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext4", "-O", "metadata_csum", disk.path)
        // Inside the superblock at 1024, so that its checksum is wrong.
        try disk.write([0x77, 0x07], at: 1024 + 52)
        let before = try disk.checksum()
        #expect(try format(disk).content == .filesystem("ext4"))
        #expect(try disk.checksum() == before)
    }

    @Test func whatIsNoBlockDeviceIsNotADisk() throws {
        let disk = try DiskImage()
        let before = try disk.checksum()
        for path in [disk.path, "/dev/null", disk.directory.path] {
            #expect(throws: StepFailure("\(path) is not a block device; it is not touched")) {
                try FormatEmptyDisk.run(device: path, filesystem: .ext4) { _ in }
            }
        }
        #expect(try disk.checksum() == before)
    }

    @Test func aFormattingThatFailsTellsWhatMke2fsSaid() throws {
        // Far too small for a filesystem.
        let disk = try DiskImage(size: 512)
        let failure = try #require(throws: StepFailure.self) { try format(disk) }
        #expect(failure.text.hasPrefix("cannot make an ext4 filesystem on \(disk.path): /sbin/mke2fs: exit code "))
    }

    @Test func aRootWithoutAFilesystemIsRefusedBeforeAnyMount() {
        for content in [DiskContent.empty, .occupied("swap"), nil] {
            #expect(throws: StepFailure("/dev/vdx has no filesystem to mount on /nowhere")) {
                try MountRoot.run(device: "/dev/vdx", content: content, root: "/nowhere")
            }
        }
    }
}
