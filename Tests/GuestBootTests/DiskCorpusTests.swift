import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// What is on a disk stays there, byte for byte, whatever it is and however little of it is left.
@Suite struct DiskCorpusTests {
    /// Formats the disk if it is empty, and gives what was found, as the next steps see it; fails when a byte of it is another one then.
    private func found(on disk: DiskImage, _ what: String) throws -> Result<DiskContent, StepFailure> {
        let before = try disk.checksum()
        let outcome: Result<DiskContent, StepFailure>
        do throws(StepFailure) {
            outcome = .success(try FormatEmptyDisk.formatIfEmpty(disk.path, .ext4) { _ in }.content)
        } catch {
            outcome = .failure(error)
        }
        #expect(try disk.checksum() == before, "\(what) was written to")
        return outcome
    }

    @Test(arguments: DiskCorpus.allCases) func whatIsOnADiskIsToldAndStaysThere(_ kind: DiskCorpus) throws {
        let outcome = try found(on: kind.make(), kind.rawValue)
        switch (outcome, kind.type) {
        case (.success(let content), let type?): #expect(type.isFilesystem && content == .filesystem(type.name))
        case (.failure(let failure), let type):
            #expect(type?.isFilesystem != true)
            let what = type.map { "it holds \($0.name)" } ?? "it holds no known signature, but data at byte "
            #expect(failure.text.contains(what) && failure.text.contains("it is not touched"), "\(failure.text)")
            if type != nil { #expect(failure.text.contains("(signature at byte "), "\(failure.text)") }
        case (.success, nil): Issue.record("\(kind) was taken for a filesystem")
        }
    }

    @Test(arguments: DiskCorpus.allCases) func aDiskThatWasCutInHalfIsNotTouched(_ kind: DiskCorpus) throws {
        let disk = try kind.make()
        let size = try Int(Tool.run("stat", "-c", "%s", disk.path).lines[0]) ?? 0
        try Tool.run("truncate", "-s", "\(size / 1024 * 512)", disk.path)
        try storeSomethingWhereNothingIsLeft(disk)
        // The kernel would refuse the mount, and nothing may try to mend such a filesystem.
        if case .success(let content) = try found(on: disk, "half of \(kind)"), case .filesystem(let type) = content, type.hasPrefix("ext")
        {
            let before = try disk.checksum()
            let failure = try #require(throws: StepFailure.self) {
                try MountRoot.run(device: disk.path, content: content, root: disk.directory.path + "/root")
            }
            #expect(failure.text.contains("the disk was cut short; it is not touched"), "\(failure.text)")
            #expect(try disk.checksum() == before)
        }
    }

    @Test(arguments: DiskCorpus.allCases.filter { $0.type != nil }) func aDiskWhoseSuperblockIsZeroIsNotTouched(_ kind: DiskCorpus) throws {
        let disk = try kind.make()
        let known = try #require(try DiskSignature.found(on: disk.path))
        let place = try #require(known.text.split(separator: " ").last.flatMap { Int($0.dropLast()) }, "\(known.text)")
        try disk.write([UInt8](repeating: 0, count: 4096), at: place / 4096 * 4096)
        try storeSomethingWhereNothingIsLeft(disk)
        _ = try found(on: disk, "\(kind) without its superblock")
    }

    /// Some formats are a few bytes of their own, and else what is stored in them: without those bytes a new one is empty indeed.
    private func storeSomethingWhereNothingIsLeft(_ disk: DiskImage) throws {
        if try disk.content() == .empty { try disk.write(Array("somebody's".utf8), at: 100_000) }
    }

    @Test func oneByteThatIsNotZeroIsFoundWhereverItIs() throws {
        let size = 3 << 20
        let disk = try DiskImage(size: size)
        var random = SeededGenerator(seed: 100)
        for _ in 0..<100 {
            let place = Int.random(in: 0..<size, using: &random)
            try disk.write([UInt8.random(in: 1...255, using: &random)], at: place)
            guard case .failure(let failure) = try found(on: disk, "a disk with a byte at \(place)") else {
                Issue.record("the byte at \(place) was overlooked")
                return
            }
            #expect(failure.text.contains("it holds no known signature, but data at byte \(place);"), "\(failure.text)")
            try disk.write([0], at: place)
        }
        #expect(try disk.content() == .empty)
    }
}
