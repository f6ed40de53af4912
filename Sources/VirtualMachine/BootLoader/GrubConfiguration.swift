/// What GRUB reads: pure text.
enum GrubConfiguration {
    /// The label of the partition with kernel and initrd.
    static let label = "vm-boot"

    /// What the image of GRUB begins with: it finds its partition, whichever disk that is on.
    static let early = """
        search --no-floppy --label \(label) --set root
        set prefix=($root)/grub

        """

    /// `/boot/grub/grub.cfg`: boots with `words` as the kernel command line, or tells on the console why not and ends the VM.
    static func text(_ words: [String], _ firmware: BootFirmware) throws(BootLoaderError) -> String {
        var arguments = ""
        for word in words { arguments += " '\(try argument(word))'" }
        // The console of UEFI is the serial port; that of a BIOS is the screen.
        let terminal = firmware == .bios ? "serial --unit=0 --speed=115200\nterminal_output serial\n" : ""
        return """
            \(terminal)set pager=0
            if linux /vmlinuz\(arguments); then
              if initrd /initrd; then
                boot
              fi
            fi
            echo 'GRUB cannot boot this VM.'
            reboot

            """
    }

    /// A word of the kernel's as GRUB's `linux` must be given it: without the kernel's double quotes, since GRUB puts its own around a word
    /// with a space in it (`grub-core/lib/cmdline.c`), and it writes a backslash before what could end them.
    private static func argument(_ word: String) throws(BootLoaderError) -> String {
        var text = word
        if text.hasPrefix("\"") {
            text.removeFirst()
            if text.hasSuffix("\"") { text.removeLast() }
        } else if let equals = text.firstIndex(of: "="), text[equals...].hasPrefix("=\"") {
            text.remove(at: text.index(after: equals))
            if text.hasSuffix("\"") { text.removeLast() }
        }
        guard !text.contains(where: { "\"'\\".contains($0) || $0.isNewline }) else { throw .cannotPass(word: word) }
        return text
    }
}

/// What starts the boot loader.
public enum BootFirmware: String, Sendable {
    /// The BIOS that QEMU has.
    case bios
    /// UEFI (OVMF).
    case efi

    /// GRUB's name for such a machine.
    var grubTarget: String { self == .bios ? "i386-pc" : "x86_64-efi" }
    /// The Debian package with GRUB for such a machine.
    var grubPackage: String { self == .bios ? "grub-pc-bin" : "grub-efi-amd64-bin" }
    /// The modules in GRUB's image: there are no others on the disk.
    var grubModules: [String] {
        let common = ["part_gpt", "ext2", "search", "normal", "linux", "boot", "echo", "reboot", "test"]
        return common + (self == .bios ? ["biosdisk", "serial", "terminal"] : ["fat", "efi_gop"])
    }
    /// The partitions of a boot disk, as `sfdisk` reads them: the boot loader's own, and that of `/boot`.
    var partitions: String {
        let own =
            self == .bios
            ? "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649"
            : "start=2048, size=\(BootDiskParts.systemPartitionSectors), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
        return "label: gpt\n\(own)\ntype=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n"
    }
}

/// Why there is no boot disk.
public enum BootLoaderError: Error, Equatable, CustomStringConvertible {
    /// A part of GRUB is not installed.
    case noGrub(file: String, searched: [String], package: String)
    /// GRUB would pass another word than this one.
    case cannotPass(word: String)
    /// A program that makes a part of it failed.
    case toolFailed(program: String, reason: String)
    /// There is no OVMF.
    case noFirmware(searched: [String])

    /// What is wrong and what helps, for a person.
    public var description: String {
        switch self {
        case .noGrub(let file, let searched, let package):
            "cannot find GRUB's \(file) (looked in \(searched.joined(separator: ", "))): install the Debian package \(package), or leave out "
                + "--boot-loader"
        case .cannotPass(let word):
            "--boot-loader cannot pass \(word) on: GRUB writes a backslash before quotes and backslashes; leave out this word or --boot-loader"
        case .toolFailed(let program, let reason): "\(program), which makes a part of the boot disk, failed: \(reason)"
        case .noFirmware(let searched):
            "--efi: there is no OVMF here (looked for \(searched.joined(separator: ", "))): install the Debian package ovmf"
        }
    }
}
