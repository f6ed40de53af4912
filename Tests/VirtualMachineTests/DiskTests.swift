import Foundation
import HostTools
import Testing
import VirtualMachine

@Suite struct DiskTests {
    @Test(arguments: [("512", 512), ("512M", 512), ("2G", 2048), ("1t", 1 << 20), ("16T", 16 << 20)])
    func sizesAreMebibytesUnlessTheySay(text: String, mebibytes: Int) throws {
        #expect(try DiskSize(parsing: text).bytes == mebibytes << 20)
    }

    @Test(arguments: ["", "M", "0", "-1", "1.5G", "1K", "2 G", "99999999999999999999", "17T", "9999999999999T", "٣"])
    func whatIsNoSizeIsRefused(text: String) {
        #expect { try DiskSize(parsing: text) } throws: { "\($0)".contains(" is no disk size: give MiB as a plain number") }
    }

    @Test func aMissingDiskIsMadeAndAnExistingOneIsLeftAlone() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/a,b disk.qcow2"
            let (disk, isBlank, _) = try await MachineDescription.Disk.prepare(path: path)
            #expect(isBlank)
            #expect(disk == .init(path: path, format: .qcow2))
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let again = try await MachineDescription.Disk.prepare(path: path)
            #expect(again.disk == disk)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["a,b disk.qcow2"])
        }
    }

    @Test func aRawImageIsRecognisedByItsWholeBlocks() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/raw"
            try Data(count: 4096).write(to: URL(fileURLWithPath: path))
            #expect(try await MachineDescription.Disk.prepare(path: path).disk.format == .raw)
            try Data("hello, world".utf8).write(to: URL(fileURLWithPath: path))
            await #expect(throws: DiskError.self) { try await MachineDescription.Disk.prepare(path: path) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "hello, world")
        }
    }

    @Test func aDirectoryIsNoDisk() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(throws: DiskError.notADisk(path: directory, kind: "directory")) {
                try await MachineDescription.Disk.prepare(path: directory)
            }
        }
    }

    @Test func aMissingParentDirectoryIsNamed() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(throws: DiskError.noDirectory(path: directory + "/no/disk", directory: directory + "/no")) {
                try await MachineDescription.Disk.prepare(path: directory + "/no/disk")
            }
        }
    }

    @Test func anImageThatReadsAnotherFileIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let (base, overlay) = (directory + "/base", directory + "/overlay")
            _ = try await MachineDescription.Disk.prepare(path: base)
            try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay)
            await #expect { try await MachineDescription.Disk.prepare(path: overlay) } throws: { "\($0)".contains(base) }
        }
    }

    @Test func aDamagedImageIsRefusedAndKept() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/damaged"
            let bytes = Data([0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 3]) + Data(repeating: 0xFF, count: 504)
            try bytes.write(to: URL(fileURLWithPath: path))
            await #expect(throws: DiskError.self) { try await MachineDescription.Disk.prepare(path: path) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        }
    }
}

func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = "/tmp/vm-agent-test-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body(directory)
}
