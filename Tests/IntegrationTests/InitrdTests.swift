import ControlProtocol
import Foundation
import Testing

/// `vm initrd build`, and what other programs make of it.
@Suite(.tellsStory) struct InitrdTests {
    @Test func theDefaultIsZstdAndTheSameInputGivesTheSameBytes() async throws {
        let directory = try VMDirectory()
        for name in ["first.img", "second.img"] {
            let build = try await directory.vm(["initrd", "build", "--modules", Checkout.modules, "--output", name]).run()
            #expect(build.code == 0, "\(build)")
        }
        let comparison = try await directory.script("cmp first.img second.img; zstd -dc first.img | cpio -t --quiet; file -b first.img")
        #expect(comparison.lines.last?.hasPrefix("Zstandard compressed data") == true)
        for entry in ["init", "bin/busybox", "sbin/mke2fs", "sbin/e2fsck", "lib/modules/order"] {
            #expect(comparison.lines.contains(entry))
        }
        await directory.expectNothingLeft()
    }

    @Test func aBuiltInitrdBoots() async throws {
        let directory = try VMDirectory()
        let build = try await directory.vm(["initrd", "build", "--modules", Checkout.modules, "--output", "built.img"]).run()
        #expect(build.code == 0, "\(build)")
        let run = try await MachineSlots.withSlot {
            try await directory.vmRun(["--store", "none", "--initrd", "built.img"], command: ["uname", "-r"], name: "guest").run()
        }
        #expect(run.code == 0, "\(run)")
        #expect(run.text == "\(Checkout.kernelRelease)\n")
        await directory.expectNothingLeft()
    }

    /// Without KVM the modules' signatures lie beside them.
    @Test func aKernelThatInsistsOnSignaturesGetsThem() async throws {
        let directory = try VMDirectory()
        let run = try await MachineSlots.withSlot {
            try await directory.vmRun(
                ["--store", "none", "--accel", "tcg", "--append", "module.sig_enforce"], command: ["cat", "/proc/sys/kernel/tainted"],
                name: "guest"
            ).run()
        }
        #expect(run.code == 0, "\(run)")
        #expect(run.text == "0\n")
        await directory.expectNothingLeft()
    }

    /// The way of an initrd that is somebody else's: it loads modules, mounts and switches by itself, and calls the agent for
    /// the parts that it has not.
    @Test func anotherInitrdCanCallTheAgentsParts() async throws {
        let directory = try VMDirectory()
        let initrd = try await busyboxInitrd(
            """
            insmod_all() { while read -r module; do insmod /lib/modules/$module; done < /lib/modules/order; }
            insmod_all
            vm-agent post-device || fail post-device
            mount -t ext4 /dev/vda /mnt-root || fail mount
            mkdir -p /mnt-root/proc /mnt-root/sys /mnt-root/dev /mnt-root/root /mnt-root/bin
            vm-agent post-mount /mnt-root || fail post-mount
            cp /bin/vm-agent /bin/busybox /mnt-root/bin
            for name in proc sys dev; do mount -o move /$name /mnt-root/$name; done
            mknod /dev/null c 1 3 # the shell wants one for what it runs in the background
            chroot /mnt-root /bin/vm-agent load-db || fail load-db
            chroot /mnt-root /bin/vm-agent connect &
            exec switch_root /mnt-root $(tr ' ' '\\n' < /mnt-root/proc/cmdline | sed -n 's/^init=//p')
            """, in: directory)
        let options = ["--initrd", initrd, "--system", Checkout.system, "--writable-store"]
        try await withMachine(options, in: directory) { machine in
            let status = try await machine.waitUntilReady()
            #expect(status.detail == "the agent was started alone")
            let host = try await directory.script("nix-store -q --references \(Checkout.system)")
            let guest = try await machine.exec(["nix-store", "-q", "--references", Checkout.system])
            #expect(guest.code == 0, "\(guest)")
            #expect(guest.lines.sorted() == host.lines.sorted())
            #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("\(Checkout.system)/init"))
            let write = "echo new > /nix/store/new; cat /nix/store/new; ls -d /boot /hostfs/nix"
            #expect(try await machine.output(of: write) == "new\n/boot\n/hostfs/nix")
            #expect(!FileManager.default.fileExists(atPath: "/nix/store/new"))

            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0 && code == 0, "\(down)")
        }
        await directory.expectNothingLeft()
    }

    @Test func aPartThatFailsSaysWhyAndTouchesNothing() async throws {
        let directory = try VMDirectory()
        let initrd = try await busyboxInitrd(
            """
            vm-agent post-device; echo "post-device: $?"
            vm-agent post-mount /mnt-root; echo "post-mount: $?"
            vm-agent load-db /nowhere; echo "load-db: $?"
            vm-agent nonsense; echo "nonsense: $?"
            poweroff -f
            """, in: directory)
        let run = try await MachineSlots.withSlot {
            try await directory.vmRun(["--store", "none", "--initrd", initrd], name: "guest").run()
        }
        #expect(run.code == 0, "\(run)")
        // Without modules there is neither a network card nor a disk.
        for line in ["post-device: 1", "network interface eth0", "load-db: 1", "nonsense: 64", "there is no command 'nonsense'"] {
            #expect(run.errors.contains(line), "\(line): \(run)")
        }
        await directory.expectNothingLeft()
    }

    /// An initrd whose `/init` is a busybox script.
    private func busyboxInitrd(_ script: String, in directory: VMDirectory) async throws -> String {
        let preamble = """
            #!/bin/busybox sh
            /bin/busybox mkdir -p /usr/bin
            /bin/busybox --install -s /usr/bin
            export PATH=/bin:/usr/bin:/sbin
            fail() { echo "the initrd failed: $1"; poweroff -f; }
            mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev

            """
        let file = try directory.privateFile("init", Array((preamble + script + "\n").utf8), mode: 0o755)
        let additions = ["--add", "\(file):/init", "--add", "\(Checkout.agent):/bin/vm-agent"]
        let build = try await directory.vm(["initrd", "build", "--modules", Checkout.modules, "--output", "other.img"] + additions).run()
        #expect(build.code == 0, "\(build)")
        return "other.img"
    }
}
