import ArgumentParser
import InitrdBuilder

/// What the firmware is, and who loads the kernel.
struct BootOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Boot through GRUB, on a boot disk that is made in a VM of its own and kept for the next run; the guest has it as /boot. What "
                + "is asked of this run alone reaches the agent through fw_cfg, not on the kernel command line."))
    var bootLoader = false

    @Flag(help: "Boot by UEFI (OVMF), not by a BIOS.")
    var efi = false

    @Flag(help: "Give the VM a TPM 2.0, emulated by swtpm; it is new in each run.")
    var tpm = false

    /// The kernel's modules that it needs. What is built into a kernel is no module of its tree.
    func modules(_ tree: ModuleTree) -> ModuleSet {
        // Without it there are neither parameters nor a token.
        let parameters = bootLoader ? [ModuleSet.Member("qemu_fw_cfg")] : []
        return ModuleSet(parameters + (tpm ? [ModuleSet.Member("tpm_tis", isRequired: false)] : []))
    }

    /// Whether QEMU or a boot loader must be given the kernel as it is: an unpacked one has no EFI stub and no header for boot loaders.
    var needsPackedKernel: Bool { bootLoader || efi }
}
