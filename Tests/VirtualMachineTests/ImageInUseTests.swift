import Foundation
import HostTools
import LinuxSystem
import Testing

@testable import VirtualMachine

/// An image that another QEMU has open is refused, by QEMU's own locks, and the error names the process.
@Suite struct ImageInUseTests {
    /// Runs a QEMU whose guest, which does not run, has a disk with these options. Its images are open when it is in the background.
    private func withQEMU(_ drive: String, in directory: String, _ body: (_ process: Int32) async throws -> Void) async throws {
        let file = directory + "/qemu.pid"
        try Tool.run(
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", "32", "-S", "-nodefaults", "-display", "none", "-daemonize",
            "-pidfile", file, "-drive", "if=none,id=disk,\(drive)", "-device", "virtio-blk-pci,drive=disk")
        let process = try #require(Int32(try Files.readLine(file)))
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(process)) } catch { outcome = .failure(error) }
        kill(process, SIGTERM)
        // It is nobody's child here.
        try await eventually { kill(process, 0) != 0 }
        try outcome.get()
    }

    private func expectRefused(_ path: String, by process: Int32, sourceLocation: SourceLocation = #_sourceLocation) async {
        let users = ["qemu-system-x86 (process \(process))"]
        await #expect(throws: DiskError.inUse(path: path, users: users), sourceLocation: sourceLocation) {
            try await MachineDescription.Disk.prepare(path: path)
        }
    }

    @Test(arguments: ["qcow2", "raw"], ["off", "on"]) func anImageOfAnotherMachineIsRefused(_ format: String, readOnly: String) async throws
    {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", format, path, "16M")
            try await withQEMU("file=\(path),format=\(format),readonly=\(readOnly)", in: directory) { await expectRefused(path, by: $0) }
            // And taken when that has ended.
            #expect(try await MachineDescription.Disk.prepare(path: path).disk.path == path)
        }
    }

    @Test func anImageThatAnothersImageReadsIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let (base, overlay) = (directory + "/base", directory + "/overlay")
            try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", base, "16M")
            try Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay)
            try await withQEMU("file=\(overlay),format=qcow2", in: directory) { await expectRefused(base, by: $0) }
        }
    }

    @Test(.enabled(if: Host.hasLoopDevices, "needs root and loop devices"))
    func aBlockDeviceOfAnotherMachineIsRefusedByEachOfItsNames() async throws {
        try await withTemporaryDirectory { directory in
            let image = directory + "/disk.img"
            try Tool.run("truncate", "-s", "16M", image)
            let device = try Tool.run("losetup", "--find", "--show", image).lines[0]
            defer { _ = try? Tool.run("losetup", "--detach", device) }
            try await withQEMU("file=\(device),format=raw", in: directory) { process in
                await expectRefused(device, by: process)
                try FileManager.default.createSymbolicLink(atPath: directory + "/symlink", withDestinationPath: device)
                await expectRefused(directory + "/symlink", by: process)
            }
            #expect(try await MachineDescription.Disk.prepare(path: device).disk.path == device)
        }
    }

    @Test func askingLeavesNoLock() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/disk"
            try Tool.run("qemu-img", "create", "-q", "-f", "raw", path, "16M")
            #expect(!ImageLock.isHeld(path))
            try await withQEMU("file=\(path),format=raw", in: directory) { _ in #expect(ImageLock.isHeld(path)) }
            #expect(!ImageLock.isHeld(path))
        }
    }
}
