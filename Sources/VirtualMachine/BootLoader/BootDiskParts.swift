internal import Foundation

/// The parts of a boot disk as files, and the script that puts them together. The disk has a partition for the boot loader itself and an
/// ext2 filesystem, the guest's `/boot`, with kernel, initrd and GRUB's configuration.
///
/// What needs no rights is made here; partitions and filesystems are made by the script, as the root of a VM whose root is this
/// machine's tree (`vm run --root host`).
public struct BootDiskParts: Sendable {
    /// The kernel image; not an unpacked one.
    public var kernel: String
    /// The initrd.
    public var initrd: String
    /// What the boot loader passes to the kernel.
    public var words: [String]
    /// What starts the boot loader.
    public var firmware: BootFirmware
    private let grub: GrubLocation

    /// The EFI system partition, in sectors of 512 bytes: 8 MiB.
    static let systemPartitionSectors = 16_384
    /// Beyond kernel and initrd: the boot loader's partition, its files, and what a filesystem takes.
    private static let overhead = 24 << 20

    /// The serial number by which QEMU and the guest know the disk.
    public static let serial = GrubConfiguration.label

    /// Finds GRUB.
    ///
    /// - Throws: `BootLoaderError`, which names the Debian package that is missing; `MachineError` for another program's.
    public init(kernel: String, initrd: String, words: [String], firmware: BootFirmware) throws {
        (self.kernel, self.initrd, self.words, self.firmware) = (kernel, initrd, words, firmware)
        grub = try GrubLocation(firmware)
        // Told before anything is done.
        _ = try GrubConfiguration.text(words, firmware)
        if firmware == .efi { _ = try ProgramSearch.find("mformat", package: "mtools") }
    }

    /// What a disk of these parts depends on beside the kernel and the initrd: GRUB's own files, and text.
    public var dependencies: (files: [String], text: String) {
        get throws {
            let files = [grub.imageTool, "\(grub.modules)/kernel.img"]
            return (files, try GrubConfiguration.text(words, firmware) + GrubConfiguration.early + firmware.partitions + Self.script)
        }
    }

    /// The size of the disk, in bytes: a multiple of 1 MiB.
    public func diskSize() throws -> Int {
        let files = try [kernel, initrd].map { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
            return (attributes[.size] as? Int) ?? 0
        }
        let megabyte = 1 << 20
        return (files.reduce(Self.overhead, +) + megabyte - 1) / megabyte * megabyte
    }

    /// Writes the files into `directory`, which the VM must see under the same path.
    ///
    /// - Returns: the words of the command that makes the disk in that VM.
    public func write(to directory: String) async throws -> [String] {
        func file(_ name: String) -> String { "\(directory)/\(name)" }
        for (name, text) in [
            ("grub.cfg", try GrubConfiguration.text(words, firmware)), ("early.cfg", GrubConfiguration.early),
            ("partitions", firmware.partitions),
        ] { try Data(text.utf8).write(to: URL(fileURLWithPath: file(name))) }
        let image = file(firmware == .bios ? "core.img" : "grub.efi")
        try await run(
            grub.imageTool,
            ["-d", grub.modules, "-O", firmware.grubTarget, "-o", image, "-p", "/grub", "-c", file("early.cfg")] + firmware.grubModules)
        switch firmware {
        case .bios: try FileManager.default.copyItem(atPath: "\(grub.modules)/boot.img", toPath: file("boot.img"))
        case .efi: try await makeSystemPartition(file("system-partition"), image)
        }
        return ["/bin/sh", "-euc", Self.script, "boot-disk", Self.serial, kernel, initrd, directory, grub.biosSetup ?? ""]
    }

    /// A FAT filesystem with `image` where UEFI looks for what a disk boots.
    private func makeSystemPartition(_ path: String, _ image: String) async throws {
        let sectors = Self.systemPartitionSectors
        guard FileManager.default.createFile(atPath: path, contents: nil), truncate(path, off_t(sectors * 512)) == 0 else {
            throw BootLoaderError.toolFailed(program: "vm", reason: "\(path): \(String(cString: strerror(errno)))")
        }
        func tool(_ name: String) throws -> String { try ProgramSearch.find(name, package: "mtools") }
        try await run(try tool("mformat"), ["-i", path, "-T", String(sectors), "-h", "64", "-s", "32", "-H", "2048", "::"])
        try await run(try tool("mmd"), ["-i", path, "::/EFI", "::/EFI/BOOT"])
        try await run(try tool("mcopy"), ["-i", path, image, "::/EFI/BOOT/BOOTX64.EFI"])
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let answer = try await ImageTool(program: program).run(arguments)
        guard answer.isSuccess else { throw BootLoaderError.toolFailed(program: program, reason: answer.messages) }
    }

    /// Arguments: the disk's serial number, the kernel, the initrd, the directory with the other parts, and `grub-bios-setup` where there
    /// is no UEFI.
    static let script = """
        PATH=$PATH:/usr/sbin:/sbin
        disk=
        for known in /sys/block/*; do
          serial=
          { read -r serial <"$known/serial" || :; } 2>/dev/null
          if [ "$serial" = "$1" ]; then disk=/dev/${known##*/}; fi
        done
        [ -b "$disk" ] || { echo "there is no disk with the serial number $1" >&2; exit 1; }
        sfdisk --quiet "$disk" <"$4/partitions"
        mke2fs -q -F -t ext2 -m 0 -L \(GrubConfiguration.label) "${disk}2"
        boot=/run/boot-disk
        mkdir -p $boot
        mount -t ext4 "${disk}2" $boot
        mkdir -p $boot/grub/i386-pc
        cp "$2" $boot/vmlinuz
        cp "$3" $boot/initrd
        cp "$4/grub.cfg" $boot/grub
        if [ -n "$5" ]; then
          cp "$4/core.img" "$4/boot.img" $boot/grub/i386-pc
          "$5" -d $boot/grub/i386-pc "$disk"
        else
          dd if="$4/system-partition" of="${disk}1" bs=1M status=none
        fi
        umount $boot
        sync
        """
}
