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

    /// What mke2fs leaves when it is killed: the first part of what it would have written, whatever that is.
    @Test(arguments: 1...8) func aFormatThatWasCutOffAnywhereIsFinished(_ round: Int) throws {
        let (disk, mark) = try marked(size: 16 << 20)
        let whole = try DiskImage(size: 16 << 20)
        try mke2fs(whole, mark)
        let bytes = try Files.read(whole.path, limit: 16 << 20)
        var random = SeededGenerator(seed: UInt64(round))
        // Some of its blocks have arrived and others have not.
        let file = try FileDescriptor.open(disk.path, .readWrite)
        defer { file.close() }
        for block in 0..<(bytes.count / 4096 - 1) where Int.random(in: 0..<9, using: &random) < round {
            let part = bytes[(block * 4096)..<((block + 1) * 4096)]
            guard part.contains(where: { $0 != 0 }) else { continue }
            try part.withUnsafeBytes { try file.writeAll($0, at: Int64(block) * 4096) }
        }
        #expect(try format(disk) == anew(disk))
        try Tool.run("e2fsck", "-f", "-n", disk.path)
    }

    @Test func aFilesystemOfSomebodyElseIsKeptWhateverTheMark() throws {
        let (disk, mark) = try marked()
        try mke2fs(disk, mark, uuid: "01234567-89ab-4def-8123-456789abcdef")
        let before = try disk.checksum()
        #expect(try format(disk) == .done("\(disk.path) holds ext4: kept"))
        #expect(try disk.checksum() == before)
    }

    @Test(arguments: ["another size", "another byte", "swap", "a partition table"])
    func whatIsNotThatFormatIsNotTouched(_ what: String) throws {
        let (disk, _) = try marked()
        switch what {
        case "another size": try Tool.run("truncate", "-s", "33M", disk.path)
        case "another byte": try disk.write([1], at: -1)
        case "swap": try Tool.run("mkswap", disk.path)
        default: try Tool.run("sfdisk", "--quiet", disk.path, input: Array("label: dos\n,1M\n".utf8))
        }
        let before = try disk.checksum()
        #expect(throws: StepFailure.self) { try format(disk) }
        #expect(try disk.checksum() == before)
    }
}
