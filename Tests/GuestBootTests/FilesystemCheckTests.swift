import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// A filesystem that may be broken is checked before it is mounted; these are checked as files.
@Suite struct FilesystemCheckTests {
    private func filesystem(_ type: String = "ext4") throws -> DiskImage {
        let disk = try DiskImage(size: 16 << 20)
        try Tool.run("mke2fs", "-q", "-F", "-t", type, disk.path)
        let file = try disk.directory.write("file", "hello")
        try Tool.run("debugfs", "-w", "-R", "write \(file) file", disk.path)
        return disk
    }

    private func debugfs(_ disk: DiskImage, _ request: String) throws { try Tool.run("debugfs", "-w", "-R", request, disk.path) }

    private func check(_ disk: DiskImage) throws -> String {
        try FilesystemCheck.run(disk.path, "ext4", because: "the test wants it") { _ in }
    }

    // MARK: When

    @Test(arguments: ["ext2", "ext3", "ext4"]) func aCleanFilesystemIsNotChecked(_ type: String) throws {
        let disk = try filesystem(type)
        let superblock = try ExtSuperblock(of: disk.path)
        #expect(FilesystemCheck.reason(superblock) == nil)
        #expect(superblock.isMarkedClean && !superblock.hasErrors && !superblock.needsReplay && superblock.wasNeverMounted)
        #expect(superblock.byteCount == 16 << 20 && !superblock.isCutShort)
    }

    @Test(arguments: [
        ("ssv state 0", "it was not unmounted"), ("ssv state 2", "errors were met in it before"),
        ("ssv state 3", "errors were met in it before"),
    ]) func whatTheSuperblockDoesNotCallCleanIsChecked(_ request: String, _ reason: String) throws {
        let disk = try filesystem()
        try debugfs(disk, request)
        #expect(FilesystemCheck.reason(try ExtSuperblock(of: disk.path)) == reason)
        #expect(try check(disk) == "")
        #expect(FilesystemCheck.reason(try ExtSuperblock(of: disk.path)) == nil, "e2fsck left it as it was")
    }

    @Test func aJournalThatIsToBeReplayedIsLeftToTheKernel() throws {
        let disk = try filesystem()
        try debugfs(disk, "feature needs_recovery")
        let superblock = try ExtSuperblock(of: disk.path)
        #expect(superblock.needsReplay)
        #expect(FilesystemCheck.reason(superblock) == nil)
    }

    @Test func whatHasBeenMountedIsNotNew() throws {
        for request in ["ssv mtime 20260101", "ssv mnt_count 1"] {
            let disk = try filesystem()
            try debugfs(disk, request)
            #expect(try !ExtSuperblock(of: disk.path).wasNeverMounted)
        }
    }

    @Test func aFilesystemOfMoreThan32BitsOfBlocksHasItsWholeSize() {
        var bytes = [UInt8](repeating: 0, count: 1024)
        bytes[4] = 1
        bytes[24] = 2
        bytes[336] = 3
        #expect(ExtSuperblock(bytes, diskSize: 4096).byteCount == 4096)
        bytes[96] = 0x80
        #expect(ExtSuperblock(bytes, diskSize: 4096).byteCount == (3 << 32 | 1) * 4096)
        #expect(ExtSuperblock(bytes, diskSize: 4096).isCutShort)
    }

    // MARK: What comes of it

    @Test func whatCanBeMendedWithoutALossIsMendedAndTold() throws {
        let disk = try filesystem("ext2")
        try debugfs(disk, "sif file blocks 998")
        #expect(try check(disk) == "\(disk.path): Inode 12, i_blocks is 998, should be 2.  FIXED.")
        #expect(try check(disk) == "")
    }

    @Test func whatCannotBeMendedWithoutALossStopsTheBootInE2fscksWords() throws {
        let disk = try filesystem("ext2")
        try debugfs(disk, "sif file block[0] 9999999")
        let failure = try #require(throws: StepFailure.self) { try check(disk) }
        #expect(failure.text.hasPrefix("\(disk.path) (ext4) is not mounted: the test wants it; /sbin/e2fsck -p: exit code 4: "))
        #expect(failure.text.contains("Inode 12 has illegal block(s)"), "\(failure.text)")
        #expect(failure.text.contains("UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY."), "\(failure.text)")
        #expect(failure.text.contains("Enter the guest and run \"/sbin/e2fsck -f -y \(disk.path)\""))
    }

    @Test func whatE2fsckCannotReadIsToldInItsWords() throws {
        let disk = try DiskImage()
        let failure = try #require(throws: StepFailure.self) { try check(disk) }
        #expect(failure.text.contains("/sbin/e2fsck -p: exit code 8: "), "\(failure.text)")
        #expect(failure.text.contains("Bad magic number in super-block"), "\(failure.text)")
    }

    // MARK: e2fsck's output

    @Test func progressIsTakenOutOfTheOutputAndTheRestIsKept() {
        var output = Array("1 0 2 /dev/vda\n/dev/vda: Inode 12 is odd.  FIXED.\n2 13 26 /dev/vda\n3 1".utf8)
        #expect(FilesystemCheck.takeProgress(from: &output) == "pass 2 of 5, 50 %")
        #expect(output == Array("/dev/vda: Inode 12 is odd.  FIXED.\n3 1".utf8))
        output += Array(" 4 /dev/vda\n/dev/vda: 12/4096 files (0.0% non-contiguous), 1174/16384 blocks\n".utf8)
        #expect(FilesystemCheck.takeProgress(from: &output) == "pass 3 of 5, 25 %")
        #expect(FilesystemCheck.takeProgress(from: &output) == nil)
        #expect(FilesystemCheck.words(of: output) == "/dev/vda: Inode 12 is odd.  FIXED.")
    }

    @Test(arguments: ["", "1 2 3\n", "a b c d\n", "1 2 -3 d\n", "99999999999999999999 1 1 d\n"]) func otherLinesAreNotProgress(
        _ text: String
    ) {
        var output = Array(text.utf8)
        #expect(FilesystemCheck.takeProgress(from: &output) == nil)
        #expect(output == Array(text.utf8))
    }

    @Test func nothingOfNothingIsNoDivisionByZero() {
        var output = Array("1 0 0 d\n".utf8)
        #expect(FilesystemCheck.takeProgress(from: &output) == "pass 1 of 5, 0 %")
    }
}
