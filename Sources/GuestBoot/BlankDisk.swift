internal import LinuxSystem

/// The host's word that a disk is zero, which spares the reading of it. It is about one disk, by its serial number, which is
/// made for each run of QEMU; and about one boot: the entry stays while QEMU runs, so a kernel that another one has started
/// (`man 8 kexec`) does not take it.
enum BlankDisk {
    static let entry = "/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/blank-disk/raw"
    /// Who loaded the kernel, of this machine's architecture (`Documentation/x86/boot.rst`, `type_of_loader`); 13 is kexec.
    static let loader = "/proc/sys/kernel/bootloader_type"

    static func isVouchedFor(_ device: String, serial: String?, by entry: String, loader: String = BlankDisk.loader) -> Bool {
        guard let vouched = try? Files.readLine(entry), !vouched.isEmpty, vouched == (serial ?? serialNumber(of: device)) else {
            return false
        }
        guard let text = try? Files.readLine(loader), let number = Int(text) else { return false }
        return number >> 4 != 13
    }

    private static func serialNumber(of device: String) -> String? {
        guard let name = device.pathParts.last else { return nil }
        return try? Files.readLine("/sys/block/\(name)/serial")
    }
}
