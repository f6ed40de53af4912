import CMount
import Foundation
import Glibc

/// What the host itself does with a disk: a VM that wrote to it at the same time would destroy what is on it.
enum HostDiskUse {
    /// How the host uses an image file; nil when it does not. Loop devices are found by the file that they name.
    static func ofFile(_ path: String) -> String? {
        guard
            let real = realpath(path, nil).map({ pointer in
                defer { free(pointer) }
                return String(cString: pointer)
            })
        else { return nil }
        let blockDevices = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/block")) ?? []
        for name in blockDevices where name.hasPrefix("loop") {
            guard firstLine(of: "/sys/block/\(name)/loop/backing_file") == real else { continue }
            let mounted = deviceNumber(of: "/sys/block/\(name)").flatMap(mountPoint)
            return "it is attached to /dev/\(name)" + (mounted.map { ", which is mounted on \($0)" } ?? "")
        }
        return nil
    }

    /// How the host uses a block device or one of its partitions; nil when it does not.
    static func ofDevice(_ device: dev_t) -> String? {
        let directory = "/sys/dev/block/\(major(device)):\(minor(device))"
        if let use = use(of: device, in: directory) { return use }
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            let partition = directory + "/" + entry
            guard access(partition + "/partition", F_OK) == 0, let number = deviceNumber(of: partition) else { continue }
            if let use = use(of: number, in: partition) { return "its partition \(entry): \(use)" }
        }
        return nil
    }

    private static func use(of device: dev_t, in directory: String) -> String? {
        if let point = mountPoint(device) { return "mounted on \(point)" }
        let holders = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/holders")) ?? []
        if let holder = holders.first { return "part of /dev/\(holder)" }
        return isSwap(device) ? "used as swap" : nil
    }

    /// Where the device is mounted (libmount).
    private static func mountPoint(_ device: dev_t) -> String? {
        guard let table = mnt_new_table_from_file("/proc/self/mountinfo") else { return nil }
        defer { mnt_unref_table(table) }
        guard let mount = mnt_table_find_devno(table, device, CInt(MNT_ITER_FORWARD)), let target = mnt_fs_get_target(mount) else {
            return nil
        }
        return String(cString: target)
    }

    private static func isSwap(_ device: dev_t) -> Bool {
        let lines = ((try? String(contentsOfFile: "/proc/swaps", encoding: .utf8)) ?? "").split(separator: "\n").dropFirst()
        return lines.contains { line in
            var status = stat()
            guard let path = line.split(separator: " ").first else { return false }
            return stat(String(path), &status) == 0 && status.st_mode & S_IFMT == S_IFBLK && status.st_rdev == device
        }
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
