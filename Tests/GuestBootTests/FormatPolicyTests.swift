import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// `vm.format=always|empty|never`.
@Suite struct FormatPolicyTests {
    private func step(_ commandLine: String) -> (step: BootStep?, warnings: [String]) {
        let plan = BootPlan(KernelCommandLine(commandLine))
        return (plan.steps.first { $0.name == "format-empty-disk" }, plan.warnings)
    }

    @Test(arguments: [("", FormatPolicy.empty), ("vm.format=empty", .empty), ("vm.format=always", .always), ("vm.format=never", .never)])
    func theCommandLineChoosesIt(_ word: String, _ policy: FormatPolicy) {
        let (step, warnings) = step(word)
        #expect(step == .formatEmptyDisk(device: "/dev/vda", filesystem: .ext4, when: policy))
        #expect(step?.arguments == "/dev/vda ext4" + (policy == .empty ? "" : " \(policy.rawValue)"))
        #expect(warnings.isEmpty)
    }

    @Test(arguments: ["vm.format=", "vm.format=Always", "vm.format=yes", "vm.format=always vm.format=1"])
    func whatIsNotUnderstoodDestroysNothing(_ words: String) {
        let (step, warnings) = step(words)
        #expect(step == .formatEmptyDisk(device: "/dev/vda", filesystem: .ext4))
        #expect(warnings.count == 1 && warnings[0].hasSuffix(": must be always, empty or never; taking empty"))
    }

    // MARK: always

    private func always(_ disk: DiskImage, _ filesystem: DiskFilesystem = .ext4) throws -> (StepResult, [String]) {
        var told: [String] = []
        let outcome = try FormatEmptyDisk.formatAnyway(disk.path, filesystem) { told.append($0) }
        #expect(outcome.content == .filesystem(filesystem.rawValue))
        #expect(try disk.content() == .filesystem(filesystem.rawValue), "something of what was there is still known")
        try Tool.run("e2fsck", "-f", "-n", disk.path)
        return (outcome.result, told)
    }

    @Test(arguments: DiskCorpus.allCases) func alwaysSaysWhatItDestroysBeforeAndAfter(_ kind: DiskCorpus) throws {
        let disk = try kind.make()
        let loss = kind.type.map { $0.name } ?? "no known signature, but data at byte "
        let (result, told) = try always(disk)
        #expect(told.contains { $0.hasPrefix("destroying what \(disk.path) holds: \(loss)") }, "\(told)")
        #expect(result.detail.hasPrefix("destroyed what \(disk.path) held: \(loss)"), "\(result.detail)")
        #expect(result.detail.hasSuffix("; made ext4"))
    }

    @Test func alwaysNamesAFilesystemByItsLabel() throws {
        let disk = try DiskImage(size: 16 << 20)
        try Tool.run("mke2fs", "-q", "-F", "-t", "ext3", "-L", "accounts", disk.path)
        let (result, _) = try always(disk)
        #expect(result.detail == "destroyed what \(disk.path) held: ext3 \"accounts\" (signature at byte 1080); made ext4")
    }

    @Test func alwaysHasNothingToSayOfAnEmptyDisk() throws {
        let disk = try DiskImage(size: 16 << 20)
        let (result, told) = try always(disk, .ext2)
        #expect(result == .done("\(disk.path) was empty: made ext2"))
        #expect(told.isEmpty)
    }

    // MARK: never

    @Test func neverKeepsAFilesystemAndFormatsNothing() throws {
        func never(_ disk: DiskImage) throws -> DiskContent {
            try FormatEmptyDisk.formatIfEmpty(disk.path, .ext4, isAllowed: false) { _ in }.content
        }
        let disk = try DiskImage(size: 16 << 20)
        let empty = try disk.checksum()
        let forbidden = ", and vm.format=never forbids to format it; use a disk with a filesystem, or vm.format=empty"
        #expect(throws: StepFailure("\(disk.path) is empty" + forbidden)) { try never(disk) }
        #expect(try disk.checksum() == empty)

        try #require(try FormatMark.new(for: disk.path)).write(to: disk.path)
        let marked = try disk.checksum()
        #expect(throws: StepFailure("\(disk.path) holds a format of this agent's that was cut off" + forbidden)) { try never(disk) }
        #expect(try disk.checksum() == marked)

        let kept = try DiskCorpus.ext3.make()
        let before = try kept.checksum()
        #expect(try never(kept) == .filesystem("ext3"))
        #expect(try kept.checksum() == before)
    }
}
