import Testing
import VirtualMachine

@Suite struct QEMUArgumentsTests {
    let runtime = "/run/user/1000/vm"

    @Test func aMachineWithEverythingHasExactlyTheseArguments() {
        let machine = MachineDescription(
            name: "test1", kernel: "/boot/vmlinuz", initrd: "/run/initrd", kernelParameters: ["console=ttyS0", "panic=-1"],
            memoryMiB: 768, cores: 2, accelerator: .tcg, disk: .init(path: "/vm/test1.qcow2", format: .qcow2),
            network: .init(
                forwards: [
                    .init(address: "10.0.2.4", port: 139, command: ["/usr/sbin/smbd", "-i", "-s", "/run/my vm/smb.conf"]),
                    .init(address: "10.0.2.6", port: 23, command: ["/bin/vm-proxy", "link", "test1"]),
                ],
                extraOptions: "hostfwd=tcp::2222-:22"),
            serialPorts: [.init(name: "vm-agent", socket: "/vm/.test1.link.socket")],
            firmwareEntries: [.init(name: "opt/vm-agent/token", file: "/run/token")], extraOptions: ["-s"],
            runtimeDirectory: runtime)
        #expect(
            machine.qemuArguments == [
                "-name", "test1", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35",
                "-accel", "tcg,thread=multi", "-smp", "2", "-m", "768",
                "-kernel", "/boot/vmlinuz", "-initrd", "/run/initrd", "-append", "console=ttyS0 panic=-1",
                "-drive",
                "file=/vm/test1.qcow2,format=qcow2,if=none,id=root,cache=writeback,werror=report,discard=unmap",
                "-device", "virtio-blk-pci,drive=root",
                "-netdev",
                "user,id=network,restrict=on"
                    + ",guestfwd=tcp:10.0.2.4:139-cmd:/usr/sbin/smbd -i -s '/run/my vm/smb.conf'"
                    + ",guestfwd=tcp:10.0.2.6:23-cmd:/bin/vm-proxy link test1,hostfwd=tcp::2222-:22",
                "-device", "virtio-net-pci,netdev=network,romfile=",
                "-device", "virtio-serial-pci,max_ports=8",
                "-chardev", "socket,id=port0,path=/vm/.test1.link.socket,server=off,reconnect=1",
                "-device", "virtserialport,chardev=port0,name=vm-agent",
                "-device", "virtio-rng-pci",
                "-fw_cfg", "name=opt/vm-agent/token,file=/run/token",
                "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                "-qmp", "unix:/run/user/1000/vm/qmp.socket,server=on,wait=off",
                "-s",
            ])
    }

    @Test func aMachineWithoutDiskOrInitrdHasNoSuchArguments() {
        let machine = MachineDescription(
            name: "bare", kernel: "/k", accelerator: .kvm, network: .init(isRestricted: false), runtimeDirectory: runtime)
        #expect(
            machine.qemuArguments == [
                "-name", "bare", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35",
                "-accel", "kvm", "-cpu", "host", "-smp", "1", "-m", "512", "-kernel", "/k",
                "-netdev", "user,id=network", "-device", "virtio-net-pci,netdev=network,romfile=",
                "-device", "virtio-rng-pci",
                "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                "-qmp", "unix:/run/user/1000/vm/qmp.socket,server=on,wait=off",
            ])
    }

    @Test func aReadOnlyDiskIsOneForQEMUToo() {
        let image = MachineDescription.Disk(path: "/i", format: .raw, serial: "store", isReadOnly: true)
        let machine = MachineDescription(
            name: "a", kernel: "/k", disk: .init(path: "/d", format: .raw), extraDisks: [image], runtimeDirectory: runtime)
        let arguments = machine.qemuArguments.filter { $0.contains("file=/") || $0.contains("virtio-blk-pci") }
        #expect(
            arguments == [
                "file=/d,format=raw,if=none,id=root,cache=writeback,werror=report,discard=unmap", "virtio-blk-pci,drive=root",
                "file=/i,format=raw,if=none,id=disk1,cache=writeback,werror=report,readonly=on", "virtio-blk-pci,drive=disk1,serial=store",
            ])
    }

    @Test(arguments: [([], ["-vga", "std", "-display", "gtk"]), (["-vnc", "unix:/s"], ["-vga", "std"])])
    func aScreenIsNeverOpenedToOthers(own: [String], expected: [String]) {
        let machine = MachineDescription(name: "a", kernel: "/k", hasDisplay: true, extraOptions: own, runtimeDirectory: runtime)
        #expect(Array(machine.qemuArguments.dropFirst(4).prefix(expected.count)) == expected)
        #expect(machine.qemuArguments.filter { $0 == "-display" }.count == (own.isEmpty ? 1 : 0))
    }

    @Test func aCommaInAPathNeverEndsAnOption() {
        let machine = MachineDescription(
            name: "a,b", kernel: "/k,k", disk: .init(path: "/d,readonly=on", format: .raw),
            network: .init(forwards: [.init(address: "10.0.2.4", port: 139, command: ["/bin/a,b"])]),
            serialPorts: [.init(name: "p,nr=1", socket: "/s,server=on")],
            firmwareEntries: [.init(name: "opt/x", file: "/t,t")], runtimeDirectory: "/r,r")
        let arguments = machine.qemuArguments
        #expect(arguments.contains("a,,b"))
        #expect(arguments.contains("/k,k"))
        #expect(arguments.contains { $0.hasPrefix("file=/d,,readonly=on,format=raw,") })
        #expect(arguments.contains { $0.hasSuffix("-cmd:/bin/a,,b") })
        #expect(arguments.contains("socket,id=port0,path=/s,,server=on,server=off,reconnect=1"))
        #expect(arguments.contains("virtserialport,chardev=port0,name=p,,nr=1"))
        #expect(arguments.contains("name=opt/x,file=/t,,t"))
        #expect(arguments.contains("unix:/r,,r/qmp.socket,server=on,wait=off"))
    }
}
