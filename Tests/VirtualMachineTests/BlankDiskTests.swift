import Foundation
import HostTools
import Testing

@testable import VirtualMachine

/// When the host says that a disk is zero, so that its guest need not read it.
@Suite struct BlankDiskTests {
    // MARK: The map

    private func extent(_ start: Int, _ length: Int, depth: Int = 0, zero: Bool = true, data: Bool = false) -> ImageAllocation.Extent {
        .init(start: start, length: length, depth: depth, zero: zero, data: data)
    }

    @Test func aMapWithoutDataFromTheFirstByteToTheLastIsAProof() {
        #expect(ImageAllocation(extents: [extent(0, 8192)]).provesZero(size: 8192) { _ in false })
        #expect(ImageAllocation(extents: [extent(0, 4096), extent(4096, 4096)]).provesZero(size: 8192) { _ in false })
    }

    @Test func nothingElseIsAProof() {
        let others: [[ImageAllocation.Extent]] = [
            [], [extent(0, 4096)], [extent(4096, 4096)], [extent(0, 8191)], [extent(0, 8193)], [extent(0, 4096), extent(4097, 4095)],
            [extent(0, 4096), extent(0, 8192)], [extent(0, 8192), extent(8192, 0)], [extent(0, 8192, depth: 1)],
            [extent(0, 8192, zero: false)], [extent(0, 8192, data: true)], [extent(0, 4096), extent(4096, 4096, zero: false, data: true)],
            [extent(0, -8192), extent(-8192, 16384)],
        ]
        for extents in others { #expect(!ImageAllocation(extents: extents).provesZero(size: 8192) { _ in false }, "\(extents)") }
        #expect(!ImageAllocation(extents: []).provesZero(size: 0) { _ in true })
    }

    @Test func whatIsStoredIsAProofOnlyWhereItWasReadAndIsZero() {
        let extents = [extent(0, 4096, zero: false, data: true), extent(4096, 4096)]
        #expect(ImageAllocation(extents: extents).provesZero(size: 8192) { $0 == extents[0] })
        #expect(!ImageAllocation(extents: extents).provesZero(size: 8192) { $0 != extents[0] })
    }

    // MARK: Images

    private func isBlank(_ path: String) async throws -> Bool { try await MachineDescription.Disk.prepare(path: path).isBlank }

    @Test(arguments: ["qcow2", "raw"]) func anImageInWhichNothingIsStoredIsBlankUntilSomethingIs(_ format: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", format, path, "64M")
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(try await isBlank(path))
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            try Tool.run("qemu-io", "-f", format, "-c", "write -P 1 40M 512", path)
            #expect(try await !isBlank(path))
        }
    }

    /// They read as zero all the same, which the host sees in a raw image and the guest finds out itself in another one.
    @Test(arguments: [("qcow2", false), ("raw", true)]) func storedZerosAreZeroWhereTheHostCanReadThem(_ format: String, _ isZero: Bool)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", format, path, "64M")
            try Tool.run("qemu-io", "-f", format, "-c", "write -P 0 40M 64k", path)
            #expect(try await isBlank(path) == isZero)
            try Tool.run("qemu-io", "-f", format, "-c", "write -P 1 41942912 1", path)
            #expect(try await !isBlank(path))
        }
    }

    @Test func anImageThatIsFullOfDataIsNotEvenAskedAbout() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
            try Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 4M", path)
            #expect(try await !isBlank(path))
        }
    }

    /// What a snapshot holds is not what the guest sees, and what it sees counts.
    @Test func whatTheGuestSeesCountsAndNotWhatSnapshotsHold() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
            try Tool.run("qemu-img", "snapshot", "-c", "blank", path)
            try Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", path)
            #expect(try await !isBlank(path))
            try Tool.run("qemu-img", "snapshot", "-a", "blank", path)
            #expect(try await isBlank(path))
        }
    }

    // MARK: The word

    private func machine(_ options: [String] = []) -> MachineDescription {
        MachineDescription(
            name: "guest", kernel: "/k", disk: .init(path: "/d", format: .qcow2), extraOptions: options, runtimeDirectory: "/r")
    }

    private func vouched(_ machine: MachineDescription) -> (machine: MachineDescription, serial: String?) {
        var machine = machine
        var serial: String?
        machine.vouchForBlankDisk { bytes in
            serial = String(decoding: bytes, as: UTF8.self)
            return "/r/blank-disk"
        }
        return (machine, serial)
    }

    @Test func theWordNamesThisRunsDiskAndNoOther() throws {
        let (first, serial) = vouched(machine())
        let number = try #require(serial)
        #expect(first.disk?.serial == number)
        #expect(number.hasPrefix("blank") && number.count <= 20)
        #expect(first.firmwareEntries == [.init(name: "opt/vm-agent/blank-disk", file: "/r/blank-disk")])
        #expect(first.qemuArguments.contains { $0.hasSuffix(",serial=\(number)") })
        #expect(vouched(machine()).serial != number)
    }

    @Test(arguments: [
        ["-action", "reboot=reset"], ["-action", "panic=pause,reboot=reset"], ["-set", "x.y.z=1"], ["-readconfig", "file"],
    ])
    func aMachineThatGoesOnAfterAResetIsNotToldAnything(_ options: [String]) {
        let (result, serial) = vouched(machine(options))
        #expect(serial == nil)
        #expect(result == machine(options))
    }

    @Test func aMachineWithoutADiskIsNotToldAnything() {
        var machine = machine()
        machine.disk = nil
        #expect(vouched(machine).machine == machine)
    }
}
