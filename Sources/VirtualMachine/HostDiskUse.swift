import CLinux
import CMount
import Foundation
import Glibc
import LinuxSystem

/// What the host itself does with a disk: a VM that wrote to it at the same time would destroy what is on it.
enum HostDiskUse {
    /// How the host uses an image file; nil when it does not. Of a loop device the file is known by its number, or, where this user may
    /// not open the device, by its name.
    static func ofFile(_ path: String) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        for name in entries(of: "/sys/block") where name.hasPrefix("loop") {
            guard let backing = firstLine(of: "/sys/block/\(name)/loop/backing_file") else { continue }
            guard isBehind("/dev/\(name)", file) ?? names(backing, file) else { continue }
            let use = deviceNumber(of: "/sys/block/\(name)").flatMap { ofDevice($0, nil) }
            return "it is attached to /dev/\(name)" + (use.map { ", which is \($0)" } ?? "; detach it with: losetup -d /dev/\(name)")
        }
        return swapFiles.contains { names($0, file) } ? "used as swap" : nil
    }

    /// How the host uses a block device, the disk that it is a part of, or one of its partitions; nil when it does not. `path` is the
    /// device's file, where there is one: the kernel is then asked whether anybody at all has claimed it.
    static func ofDevice(_ device: dev_t, _ path: String?) -> String? {
        let directory = "/sys/dev/block/\(major(device)):\(minor(device))"
        if let use = use(of: device, in: directory) { return use }
        if access(directory + "/partition", F_OK) == 0, let whole = deviceNumber(of: directory + "/.."),
            let use = use(of: whole, in: directory + "/..")
        {
            return "part of a disk that is \(use)"
        }
        for entry in entries(of: directory) {
            let partition = directory + "/" + entry
            guard access(partition + "/partition", F_OK) == 0, let number = deviceNumber(of: partition) else { continue }
            if let use = use(of: number, in: partition) { return "in use by its partition \(entry), which is \(use)" }
        }
        guard let path else { return nil }
        // Also what other mount namespaces have mounted, filesystems of several devices, and volumes.
        let file = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK)
        if file >= 0 { close(file) }
        return file < 0 && errno == EBUSY ? "claimed by the kernel, perhaps for a container's mount or a volume" : nil
    }

    private static func use(of device: dev_t, in directory: String) -> String? {
        if let point = mountPoint(device) { return "mounted on \(point)" }
        if let holder = entries(of: directory + "/holders").first { return "part of /dev/\(holder)" }
        return isSwap(device) ? "used as swap" : nil
    }

    /// Where the device is mounted (libmount): by its number, or, for filesystems with numbers of their own, such as btrfs, by its file.
    private static func mountPoint(_ device: dev_t) -> String? {
        guard let table = mnt_new_table_from_file("/proc/self/mountinfo"), let place = mnt_new_iter(CInt(MNT_ITER_FORWARD)) else {
            return nil
        }
        defer {
            mnt_free_iter(place)
            mnt_unref_table(table)
        }
        var mount: OpaquePointer?
        while mnt_table_next_fs(table, place, &mount) == 0 {
            guard let target = mnt_fs_get_target(mount) else { continue }
            if mnt_fs_get_devno(mount) == device { return String(cString: target) }
            var source = stat()
            guard let name = mnt_fs_get_srcpath(mount), name.pointee == UInt8(ascii: "/"), stat(name, &source) == 0 else { continue }
            if source.st_mode & S_IFMT == S_IFBLK, source.st_rdev == device { return String(cString: target) }
        }
        return nil
    }

    /// Whether the loop device `path` is over this file; nil where that cannot be asked.
    private static func isBehind(_ path: String, _ file: stat) -> Bool? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var (device, inode): (UInt64, UInt64) = (0, 0)
        guard linux_loop_backing(descriptor, &device, &inode) == 0 else { return nil }
        return device == UInt64(file.st_dev) && inode == UInt64(file.st_ino)
    }

    private static func names(_ path: String, _ file: stat) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino
    }

    private static var swapFiles: [String] {
        let text = String(decoding: (try? Files.read("/proc/swaps")) ?? [], as: UTF8.self)
        let lines = text.split(separator: "\n").dropFirst()
        return lines.compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    private static func isSwap(_ device: dev_t) -> Bool {
        swapFiles.contains { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK && status.st_rdev == device
        }
    }

    private static func entries(of directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    private static func deviceNumber(of directory: String) -> dev_t? {
        guard let parts = firstLine(of: directory + "/dev")?.split(separator: ":"), parts.count == 2,
            let major = UInt32(parts[0]), let minor = UInt32(parts[1])
        else { return nil }
        return makedev(major, minor)
    }

    private static func firstLine(of path: String) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first.map(String.init)
    }

    // The kernel's encoding of device numbers, as glibc has it in <sys/sysmacros.h>, which Swift does not import.
    private static func major(_ device: dev_t) -> dev_t { (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000 }
    private static func minor(_ device: dev_t) -> dev_t { device & 0xFF | (device >> 12) & 0xFFFF_FF00 }
    private static func makedev(_ major: UInt32, _ minor: UInt32) -> dev_t {
        let (major, minor) = (dev_t(major), dev_t(minor))
        return (major & 0xFFF) << 8 | (major & 0xFFFF_F000) << 32 | minor & 0xFF | (minor & 0xFFFF_FF00) << 12
    }
}
