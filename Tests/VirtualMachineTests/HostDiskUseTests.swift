import Foundation
import HostTools
import LinuxSystem
import Testing

@testable import VirtualMachine

/// What this machine can do for a test.
enum Host {
    static let hasLoopDevices = geteuid() == 0 && access("/dev/loop-control", R_OK | W_OK) == 0
    static let hasBtrfs = ((try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? "").contains("btrfs")
}

/// Ends a process that a test has started.
func end(_ process: ChildProcess) {
    process.signal(SIGKILL)
    _ = process.pidfd.waitUntilReadable(milliseconds: 10_000)
    _ = process.end()
    process.pidfd.close()
}

/// Waits until `condition` holds; 30 s at most.
func eventually(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !condition() {
        try #require(ContinuousClock.now < deadline)
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A disk that the host uses is refused, and the error says by whom. Loop devices and mounts need root and a kernel that has them.
@Suite(.serialized, .enabled(if: Host.hasLoopDevices, "needs root and loop devices")) struct HostDiskUseTests {
    /// Attaches an image with a filesystem for the time of `body`, which gets the loop device.
    private func withLoopDevice(_ body: (_ image: String, _ device: String, _ directory: String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let image = directory + "/disk.img"
            try Tool.run("truncate", "-s", "16M", image)
            try Tool.run("mke2fs", "-q", "-F", image)
            let device = try Tool.run("losetup", "--find", "--show", image).lines[0]
            defer { _ = try? Tool.run("losetup", "--detach", device) }
            try await body(image, device, directory)
        }
    }

    /// Why `path` cannot be a VM's disk.
    private func refusal(of path: String) async -> String {
        do {
            _ = try await MachineDescription.Disk.prepare(path: path)
            return "it is not refused"
        } catch {
            return "\(error)"
        }
    }

    @Test func aLoopedImageIsRefusedByEachOfItsNames() async throws {
        try await withLoopDevice { image, device, directory in
            try FileManager.default.createSymbolicLink(atPath: directory + "/symlink", withDestinationPath: image)
            try FileManager.default.linkItem(atPath: image, toPath: directory + "/hardlink")
            for name in [image, directory + "/symlink", directory + "/hardlink"] {
                let refusal = await refusal(of: name)
                #expect(
                    refusal.hasPrefix(
                        "the disk \(name) is in use by this host: it is attached to \(device); detach it with: losetup -d \(device)"),
                    "\(refusal)")
            }
            // The name that it was attached by is gone, the file is not.
            try FileManager.default.removeItem(atPath: image)
            #expect(await refusal(of: directory + "/hardlink").contains("it is attached to \(device)"))
        }
    }

    @Test func aLoopedImageThatIsMountedIsRefusedWithItsMountPoint() async throws {
        try await withLoopDevice { image, device, directory in
            let point = directory + "/mounted here"
            try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
            try Tool.run("mount", device, point)
            defer { _ = try? Tool.run("umount", point) }
            #expect(await refusal(of: image).contains("it is attached to \(device), which is mounted on \(point)"))
            // And so is the device.
            #expect(await refusal(of: device).contains("the disk \(device) is in use by this host: mounted on \(point)"))
        }
    }

    @Test func aBlockDeviceThatNobodyUsesIsTaken() async throws {
        try await withLoopDevice { _, device, _ in
            let (disk, isBlank, _) = try await MachineDescription.Disk.prepare(path: device)
            #expect(disk == .init(path: device, format: .raw))
            #expect(!isBlank)
        }
    }

    /// Its mount is in none of the tables that this process sees.
    @Test func aBlockDeviceThatIsMountedElsewhereIsRefused() async throws {
        try await withLoopDevice { _, device, directory in
            let point = directory + "/point"
            try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
            let script = "mount \"$0\" \"$1\" && exec sleep 1000"
            let container = try Program(Tool.path("unshare"), ["--mount", "/bin/sh", "-c", script, device, point]).start()
            defer { end(container) }
            try await eventually { Files.linkTarget("/proc/\(container.identifier)/exe")?.hasSuffix("/sleep") == true }
            #expect(await refusal(of: device).contains("claimed by the kernel, perhaps for a container's mount or a volume"))
        }
    }

    /// btrfs has a device number of its own.
    @Test(.enabled(if: Host.hasBtrfs, "needs btrfs in the kernel")) func aFilesystemWithADeviceNumberOfItsOwnIsSeen() async throws {
        try await withLoopDevice { _, device, directory in
            try Tool.run("mkfs.btrfs", "-q", "-f", "--mixed", device)
            try Tool.run("mount", device, directory)
            defer { _ = try? Tool.run("umount", directory) }
            #expect(await refusal(of: device).contains("mounted on \(directory)"))
        }
    }

    @Test func aDiskIsRefusedForItsPartitionAndAPartitionForItsDisk() async throws {
        try await withTemporaryDirectory { directory in
            let image = directory + "/disk.img"
            try Tool.run("truncate", "-s", "16M", image)
            let device = try Tool.run("losetup", "--find", "--show", image).lines[0]
            defer { _ = try? Tool.run("losetup", "--detach", device) }
            // Without the kernel's own reading of the table, and with a node of the test's own: not every machine has these.
            try Tool.run("addpart", device, "1", "2048", "8192")
            // The kernel would keep it for the device's next file.
            defer { _ = try? Tool.run("delpart", device, "1") }
            let name = (device.split(separator: "/").last ?? "") + "p1"
            let numbers = try Files.readLine("/sys/class/block/\(name)/dev").split(separator: ":").map(String.init)
            let partition = directory + "/partition"
            try Tool.run("mknod", partition, "b", numbers[0], numbers[1])
            try Tool.run("mke2fs", "-q", "-F", partition)
            let point = directory + "/point"
            try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
            try Tool.run("mount", partition, point)
            defer { _ = try? Tool.run("umount", point) }
            let words = "in use by its partition \(name), which is mounted on \(point)"
            #expect(await refusal(of: device).contains(words))
            #expect(await refusal(of: image).contains("it is attached to \(device), which is \(words)"))
            #expect(await refusal(of: partition).contains("mounted on \(point)"))
        }
    }

    @Test func swapIsRefused() async throws {
        try await withLoopDevice { image, device, _ in
            try Tool.run("mkswap", device)
            try Tool.run("swapon", device)
            defer { _ = try? Tool.run("swapoff", device) }
            #expect(await refusal(of: device).contains("in use by this host: used as swap"))
            #expect(await refusal(of: image).contains("it is attached to \(device), which is used as swap"))
        }
    }
}
