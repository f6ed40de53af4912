import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// A format that was cut off is begun again, and nothing else is taken for one.
@Suite struct FormatMarkTests {
    private func format(_ disk: DiskImage) throws -> StepResult {
        try FormatEmptyDisk.formatIfEmpty(disk.path, .ext4) { _ in }.result
    }

    private func marked(size: Int = 32 << 20) throws -> (disk: DiskImage, mark: FormatMark) {
        let disk = try DiskImage(size: size)
        let mark = try #require(try FormatMark.new(for: disk.path))
        try mark.write(to: disk.path)
        return (disk, mark)
    }

    private func mke2fs(_ disk: DiskImage, _ mark: FormatMark, uuid: String? = nil) throws {
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid ?? mark.uuidText, disk.path, mark.filesystemSize)
    }

    private func anew(_ disk: DiskImage) -> StepResult {
        .done("\(disk.path) held a format of this agent's that was cut off: made ext4 anew")
    }

    @Test func theMarkIsFoundAsItWasWrittenAndGoneWhenCleared() throws {
        let (disk, mark) = try marked()
        #expect(try FormatMark.found(on: disk.path) == mark)
        #expect(try Tool.run("stat", "-c", "%s", disk.path).lines == ["\(32 << 20)"])
        try mark.clear(from: disk.path)
        #expect(try FormatMark.found(on: disk.path) == nil)
        #expect(try disk.content() == .empty)
        #expect(try FormatMark.new(for: disk.path)?.uuid != mark.uuid)
    }

    @Test func aFinishedFormatLeavesNoMarkAndEndsBeforeItsPlace() throws {
        let disk = try DiskImage(size: 32 << 20)
        _ = try format(disk)
        #expect(try Files.read(disk.path, limit: 32 << 20).suffix(FormatMark.length).allSatisfy { $0 == 0 })
        #expect(try FormatMark.found(on: disk.path) == nil)
    }

    @Test func aMarkAloneIsAnUnfinishedFormat() throws {
        let (disk, _) = try marked()
        #expect(try format(disk) == anew(disk))
        try Tool.run("e2fsck", "-f", "-n", disk.path)
        #expect(try FormatMark.found(on: disk.path) == nil)
    }

    /// A marked disk on which some of mke2fs's blocks have arrived and others have not, the first, with the superblock, as told.
    private func cutOff(_ round: Int, withFirst: Bool) throws -> DiskImage {
        let (disk, mark) = try marked(size: 16 << 20)
        let whole = try DiskImage(size: 16 << 20)
        try mke2fs(whole, mark)
        let bytes = try Files.read(whole.path, limit: 16 << 20)
        var random = SeededGenerator(seed: UInt64(round))
        let file = try FileDescriptor.open(disk.path, .readWrite)
        defer { file.close() }
        for block in 0..<(bytes.count / 4096 - 1) {
            let hasArrived = block == 0 ? withFirst : Int.random(in: 0..<9, using: &random) < round
            let part = bytes[(block * 4096)..<((block + 1) * 4096)]
            guard hasArrived, part.contains(where: { $0 != 0 }) else { continue }
            try part.withUnsafeBytes { try file.writeAll($0, at: Int64(block) * 4096) }
        }
        return disk
    }

    @Test(arguments: 1...8) func aFormatThatWasCutOffAnywhereIsFinished(_ round: Int) throws {
        let disk = try cutOff(round, withFirst: true)
        #expect(try format(disk) == anew(disk))
        try Tool.run("e2fsck", "-f", "-n", disk.path)
    }

    /// The kernel writes the superblock first; data without it may be anybody's.
    @Test func dataWithoutTheFilesystemIsNotTouched() throws {
        let disk = try cutOff(5, withFirst: false)
        let before = try disk.checksum()
        let failure = try #require(throws: StepFailure.self) { try format(disk) }
        #expect(failure.text.contains("the mark of a format that was cut off; it is not touched"), "\(failure.text)")
        #expect(try disk.checksum() == before)
    }

    /// Its times in the superblock, as the kernel sets them.
    @Test(arguments: [44, 52]) func aFilesystemThatWasMountedIsKeptWhateverTheMark(_ place: Int) throws {
        let (disk, mark) = try marked()
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext3", "-O", "^metadata_csum", "-U", mark.uuidText, disk.path, mark.filesystemSize)
        try disk.write([1], at: 1024 + place)
        let before = try disk.checksum()
        #expect(try format(disk) == .done("\(disk.path) holds ext3: kept"))
        #expect(try disk.checksum() == before)
    }

    @Test func aFilesystemOfSomebodyElseIsKeptWhateverTheMark() throws {
        let (disk, mark) = try marked()
        try mke2fs(disk, mark, uuid: "01234567-89ab-4def-8123-456789abcdef")
        let before = try disk.checksum()
        #expect(try format(disk) == .done("\(disk.path) holds ext4: kept"))
        #expect(try disk.checksum() == before)
    }

    @Test(arguments: ["another size", "another byte", "data", "swap", "a partition table", "its filesystem and a partition table"])
    func whatIsNotThatFormatIsNotTouched(_ what: String) throws {
        let (disk, mark) = try marked()
        switch what {
        case "data": try disk.write(Array("somebody's".utf8), at: 1 << 20)
        case "its filesystem and a partition table":
            try mke2fs(disk, mark)
            // One entry, as sfdisk writes it, which also wipes what else it finds unless told not to.
            try Tool.run("sfdisk", "--quiet", "--wipe", "never", disk.path, input: Array("label: dos\n,1M\n".utf8))
        case "another size": try Tool.run("truncate", "-s", "33M", disk.path)
        case "another byte": try disk.write([1], at: -1)
        case "swap": try Tool.run("mkswap", disk.path)
        default: try Tool.run("sfdisk", "--quiet", disk.path, input: Array("label: dos\n,1M\n".utf8))
        }
        let before = try disk.checksum()
        // A filesystem with a partition table over it is kept, as without a mark; all else is refused.
        if what.hasPrefix("its filesystem") {
            _ = try? format(disk)
        } else {
            #expect(throws: StepFailure.self) { try format(disk) }
        }
        #expect(try disk.checksum() == before)
    }
}
