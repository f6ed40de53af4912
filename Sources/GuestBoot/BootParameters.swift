internal import CLinux
internal import LinuxSystem

/// The words that this guest's boot is planned from: the kernel command line and, where that has `vm.parameters=fw_cfg`, behind it
/// those of the fw_cfg entry `opt/vm-agent/parameters`. That is how a guest is told what it is to be whose boot loader passes the
/// same command line each time.
public enum BootParameters {
    static let entry = "/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/parameters/raw"
    /// The driver of fw_cfg in our own initrd. It needs no other module, and the plan that loads them all is not made without it.
    private static let driver = "/lib/modules/qemu_fw_cfg.ko"

    /// The plan of this guest.
    ///
    /// - Parameter isFirst: nothing has run before: the driver of fw_cfg is loaded first where it is needed, and the guest is given
    ///   its name, which the kernel takes from its own command line only.
    public static func plan(isFirst: Bool = false) -> BootPlan {
        plan(commandLine: (try? Files.readLine("/proc/cmdline")) ?? "", entry: entry, isFirst: isFirst)
    }

    static func plan(commandLine: String, entry: String, isFirst: Bool) -> BootPlan {
        let own = KernelCommandLine(commandLine)
        guard own.value("vm.parameters") == "fw_cfg" else { return BootPlan(own) }
        // What the module's load says, the step that loads all of them will say.
        if isFirst { try? KernelModule.load(driver, signature: driver + ".sig") }
        do throws(Errno) {
            let more = try Files.read(entry)
            let all = KernelCommandLine(commandLine + " " + String(decoding: more, as: UTF8.self))
            if isFirst, let name = all.value("hostname") { _ = sethostname(name, name.utf8.count) }
            return BootPlan(all)
        } catch {
            var plan = BootPlan(own)
            plan.warnings.append(
                "vm.parameters=fw_cfg: cannot read the parameters from fw_cfg (opt/vm-agent/parameters): " + error.description
                    + "; is qemu_fw_cfg.ko in the initrd?")
            return plan
        }
    }
}
