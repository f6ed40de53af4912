internal import LinuxSystem

/// Mounts the boot disk's partition with kernel and initrd on `/boot`, as the 2010 module did. A boot that has come so far does
/// without it.
enum MountBootDisk {
    /// The partition's number; the first one is the boot loader's own.
    static let partition = 2

    static func run(serial: String, root: String) -> StepResult {
        guard let disk = ShareSource.disk(serial: serial) else {
            return .warning("vm.boot-disk=" + serial + ": no disk has this serial number; /boot is empty")
        }
        let device = disk + (disk.utf8.last.map { $0 >= 0x30 && $0 <= 0x39 } == true ? "p" : "") + String(partition)
        do throws(StepFailure) {
            try WaitFor.path(device, "the partition of /boot", seconds: 5)
        } catch {
            return .warning(error.text)
        }
        do throws(MountError) {
            // One driver serves all of the family.
            if !Mount.isMountPoint(root + "/boot") { try Mount.filesystem("ext4", source: device, on: root + "/boot") }
        } catch {
            return .warning(error.text + "; /boot is empty")
        }
        return .done(device)
    }
}
