extension MachineDescription {
    /// The arguments that make QEMU this machine, without the program's name. Pure: looks at nothing but the description.
    ///
    /// The guest's serial console is QEMU's standard output; QEMU's own messages are its standard error.
    public var qemuArguments: [String] {
        var arguments = ["-name", QEMUOption.escaped(name), "-nodefaults", "-no-user-config"]
        arguments += displayArguments
        arguments.append("-no-reboot")
        // With the older `pc`, a guest without KVM spends half a second on each interrupt line that ACPI hands out.
        arguments += ["-machine", sharesMemory ? "q35,memory-backend=memory" : "q35"]
        arguments += processorArguments
        arguments += ["-m", String(memoryMiB)]
        if sharesMemory { arguments += ["-object", "memory-backend-memfd,id=memory,size=\(memoryMiB)M,share=on"] }
        arguments += firmwareArguments
        arguments += bootArguments
        arguments += diskArguments
        arguments += filesystemArguments
        arguments += networkArguments
        arguments += serialPortArguments
        // The kernel's entropy: without it mke2fs and others wait for seconds.
        arguments += ["-device", "virtio-rng-pci"]
        for entry in firmwareEntries {
            arguments += ["-fw_cfg", "name=\(QEMUOption.escaped(entry.name)),file=\(QEMUOption.escaped(entry.file))"]
        }
        arguments += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
        arguments += ["-qmp", "unix:\(QEMUOption.escaped(qmpSocket)),server=on,wait=off"]
        return arguments + extraOptions
    }

    /// A window is asked for by name: left to itself, a QEMU without one opens its screen to every user of the host, by VNC on a TCP port.
    private var displayArguments: [String] {
        guard hasDisplay else { return ["-display", "none"] }
        let others = ["-display", "-vnc", "-spice", "-curses", "-nographic"]
        return ["-vga", "std"] + (extraOptions.contains { others.contains($0) } ? [] : ["-display", "gtk"])
    }

    private var processorArguments: [String] {
        let smp = ["-smp", String(cores)]
        return switch accelerator {
        case .kvm: ["-accel", "kvm", "-cpu", "host"] + smp
        case .tcg: ["-accel", cores > 1 ? "tcg,thread=multi" : "tcg"] + smp
        }
    }

    private var bootArguments: [String] {
        guard bootDisk == nil else { return [] }
        var arguments = ["-kernel", kernel]
        if let initrd { arguments += ["-initrd", initrd] }
        if !kernelParameters.isEmpty { arguments += ["-append", kernelParameters.joined(separator: " ")] }
        return arguments
    }

    private var diskArguments: [String] {
        let others = extraDisks.enumerated().flatMap { index, disk in arguments(of: disk, id: "disk\(index + 1)") }
        let boot = bootDisk.map { arguments(of: $0, id: "boot", "snapshot=on", device: "bootindex=0") } ?? []
        return (disk.map { arguments(of: $0, id: "root") } ?? []) + others + boot
    }

    private static let readOnlyMode = "cache=writeback,werror=report,readonly=on"

    private func arguments(
        of disk: Disk, id: String, _ mode: String = "cache=writeback,werror=report,discard=unmap", device: String? = nil
    ) -> [String] {
        let file = QEMUOption.escaped(disk.path)
        return [
            "-drive", "file=\(file),format=\(disk.format.rawValue),if=none,id=\(id),\(disk.isReadOnly == true ? Self.readOnlyMode : mode)",
            "-device",
            "virtio-blk-pci,drive=\(id)" + (disk.serial.map { ",serial=\(QEMUOption.escaped($0))" } ?? "")
                + (device.map { "," + $0 } ?? ""),
        ]
    }

    /// A virtiofs server reads and writes the guest's memory itself.
    private var sharesMemory: Bool {
        filesystems.contains { if case .virtiofs = $0 { true } else { false } }
    }

    private var filesystemArguments: [String] {
        filesystems.enumerated().flatMap { index, filesystem in
            switch filesystem {
            case .virtiofs(let tag, let socket):
                [
                    "-chardev", "socket,id=files\(index),path=\(QEMUOption.escaped(socket))",
                    "-device", "vhost-user-fs-pci,chardev=files\(index),tag=\(QEMUOption.escaped(tag))",
                ]
            case .plan9(let tag, let directory, let isReadOnly):
                [
                    "-fsdev",
                    "local,id=files\(index),path=\(QEMUOption.escaped(directory)),security_model=none,multidevs=remap"
                        + (isReadOnly ? ",readonly=on" : ""),
                    "-device", "virtio-9p-pci,fsdev=files\(index),mount_tag=\(QEMUOption.escaped(tag))",
                ]
            }
        }
    }

    private var networkArguments: [String] {
        var user = "user,id=network"
        if network.isRestricted { user += ",restrict=on" }
        for forward in network.forwards {
            let command = QEMUOption.escaped(ShellWords.quoted(forward.command))
            user += ",guestfwd=tcp:\(forward.address):\(forward.port)-cmd:\(command)"
        }
        for forward in network.portForwards { user += ",hostfwd=\(forward.qemuRule)" }
        if !network.extraOptions.isEmpty { user += "," + network.extraOptions }
        // No romfile: the kernel is given, and the card's boot ROM would only cost time.
        var arguments = ["-netdev", user, "-device", "virtio-net-pci,netdev=network,romfile="]
        for (index, card) in vlans.enumerated() {
            arguments += ["-netdev", "vde,id=vlan\(index),sock=\(QEMUOption.escaped(card.switchDirectory))"]
            arguments += ["-device", "virtio-net-pci,netdev=vlan\(index),mac=\(card.macAddress),romfile="]
        }
        return arguments
    }
}

extension MachineDescription {
    private var firmwareArguments: [String] {
        var arguments: [String] = []
        if let efi {
            for (unit, file, mode) in [(0, efi.code, ",readonly=on"), (1, efi.variables, "")] {
                arguments += ["-drive", "if=pflash,unit=\(unit),format=raw\(mode),file=\(QEMUOption.escaped(file))"]
            }
        }
        if let tpmSocket {
            arguments += ["-chardev", "socket,id=tpm,path=\(QEMUOption.escaped(tpmSocket))"]
            arguments += ["-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm"]
        }
        return arguments
    }

    private var serialPortArguments: [String] {
        guard !serialPorts.isEmpty else { return [] }
        // Each port has two queues, there or not, which QEMU looks at in every turn of its loop, for 4 KiB each: with its default of 31 ports
        // that was a third of the loop's time.
        var arguments = ["-device", "virtio-serial-pci,max_ports=\(max(8, serialPorts.count + 1))"]
        for (index, port) in serialPorts.enumerated() {
            // A client that tries again: with `reconnect`, QEMU also starts when nobody listens yet.
            let path = QEMUOption.escaped(port.socket)
            arguments += ["-chardev", "socket,id=port\(index),path=\(path),server=off,reconnect=1"]
            arguments += ["-device", "virtserialport,chardev=port\(index),name=\(QEMUOption.escaped(port.name))"]
        }
        return arguments
    }
}

/// QEMU's option strings: `key=value,key=value`.
enum QEMUOption {
    /// `value` as it must stand in an option string: a comma is written twice.
    static func escaped(_ value: String) -> String {
        value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }
}
