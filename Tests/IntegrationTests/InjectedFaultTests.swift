import ControlProtocol
import Foundation
import Testing

/// What fails in the middle of a step only where hardware fails or memory is short: strace puts the kernel's errors into the system
/// calls of the agent's own programs, or of PID 1, in a guest whose boot has stopped early.
@Suite(.tellsStory) struct InjectedFaultTests {
    /// Shell functions in the guest: a kernel command line for those parts of the agent that other initrds call, and a boot that is resumed
    /// while strace is attached to PID 1.
    private static let functions = """
        plan() {
          if umount /proc/cmdline 2> /dev/null; then :; fi
          echo "$1" > /run/cmdline; mount -o bind /run/cmdline /proc/cmdline
        }
        resume() {
          step=$1; shift
          strace -p 1 "$@" & tracer=$!
          timeout 20 sh -c 'until grep -q "TracerPid:.*[1-9]" /proc/1/status; do usleep 20000; done'
          vm-agent resume --from $step
          kill $tracer; wait $tracer
        }

        """

    private func expect(_ script: String, says words: String..., in machine: Machine) async throws {
        let result = try await machine.sh(Self.functions + script)
        for word in words { #expect((result.text + result.errors).contains(word), "\(script): \(result)") }
    }

    /// The host's strace, with its libraries and a script that runs it from wherever the root is: `strace.tar`, to be unpacked in `/run`.
    private static let packStrace = """
        mkdir -p pack/strace pack/vm-agent/bin
        cp -L $(command -v strace) $(ldd $(command -v strace) | grep -o '/[^ ]*') pack/strace
        cat > pack/vm-agent/bin/strace <<'SCRIPT'
        #!/run/vm-agent/bin/sh
        exec /run/strace/ld-linux* --library-path /run/strace /run/strace/strace -qq -o /run/trace "$@"
        SCRIPT
        chmod +x pack/vm-agent/bin/strace; tar cf strace.tar -C pack .; rm -r pack

        """

    /// `root.img`, an ext4 whose journal tells of an error (`s_errno`), and `boot.img`, whose second partition has no filesystem.
    private static let makeDisks = """
        truncate -s 16M root.img boot.img
        mke2fs -q -F -t ext4 -b 1024 -O ^metadata_csum root.img
        block=$(debugfs -R 'bmap <8> 0' root.img 2> /dev/null)
        printf '\\377\\377\\377\\373' | dd of=root.img bs=1 seek=$((block * 1024 + 32)) conv=notrunc status=none
        printf 'label: gpt\\nsize=1M\\nsize=1M\\n' | sfdisk -q boot.img

        """

    @Test func whatFailsInTheMiddleOfAStepIsTold() async throws {
        let directory = try VMDirectory()
        try await directory.script(Self.packStrace + Self.makeDisks)
        let boot = "-drive if=none,id=boot,format=raw,file=\(directory.file("boot.img")) -device virtio-blk-pci,drive=boot,serial=boot"
        let options = [
            "--store", "none", "--disk", directory.file("root.img"), "--empty-disk", "24M", "--qemu-opts", boot,
            // A directory, so that the boot stops there at once; the disk takes its place later.
            "--append", "vm.disk=/dev/shm vm.hostfs=//10.0.2.4/qemu vm.writable-store",
        ]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilFailed()
            let strace = try Data(contentsOf: URL(fileURLWithPath: directory.file("strace.tar")))
            #expect(try await machine.exec(["tar", "x", "-C", "/run"], input: Array(strace)).code == 0)
            try await expectOfParts(machine)
            try await expectOfPID1(machine)
        }
        await directory.expectNothingLeft()
    }

    /// The programs that other initrds call: each goes its way from the beginning.
    private func expectOfParts(_ machine: Machine) async throws {
        // Found by its size, 24 MiB in sectors of 512 bytes.
        let empty = try await machine.output(of: "echo /dev/$(basename $(dirname $(grep -l 49152 /sys/block/vd?/size)))")
        func fault(_ call: String) -> String { "strace -P \(empty) -e inject=\(call) vm-agent post-device" }
        try await expect(
            "plan 'vm.disk=\(empty)'; " + fault("fsync:error=EIO:when=2"),
            says: "cannot note at the end of \(empty) that it is formatted: Input/output error", in: machine)
        // Now it has a filesystem, and still the mark of a format that was cut off.
        try await expect(
            fault("openat:error=EIO:when=3"),
            says: "cannot read the superblock of \(empty): Input/output error (errno 5); the disk is not touched", in: machine)
        // The first eight set the addresses of two interfaces.
        try await expect(
            "strace -e inject=ioctl:error=ENETUNREACH:when=9 vm-agent post-device; dmesg | tail -n 5",
            says: "network: warning: eth0 is 10.0.2.15/24, but there is no route through 10.0.2.2: Network is unreachable", in: machine)
        try await expect(
            "plan 'vm.disk=\(empty) vm.format=always'; " + fault("write:error=EIO:when=1"),
            says: "cannot overwrite the signatures on \(empty): Input/output error", in: machine)

        let load = "vm-agent load-db --root /run/root /proc/version"
        try await expect(
            "mkdir /run/root; strace -e inject=unshare:error=ENOMEM \(load)",
            says: "cannot have mounts of our own below /run/root: Cannot allocate memory", in: machine)
        try await expect(
            "strace -e inject=chroot:error=EPERM \(load)", says: "cannot enter /run/root: Operation not permitted", in: machine)
        try await expect(
            "plan 'vm.hostfs=none vm.boot-disk=boot'; vm-agent post-mount /run/root; umount /proc/cmdline; dmesg | tail -n 5",
            says: "mount-boot-disk: warning: cannot mount /dev/vd", "2 on /run/root/boot (ext4): create: Invalid argument",
            "; /boot is empty", in: machine)
    }

    /// The boot itself, on the disk with the journal's error.
    private func expectOfPID1(_ machine: Machine) async throws {
        let rescue = "'vm-agent resume' tries the step again"
        try await expect(
            "rmdir /dev/shm; ln -s /dev/vda /dev/shm; resume format-empty-disk -P /dev/shm -e inject=openat:error=EIO:when=3",
            says: "at the step mount-root: cannot read the superblock of /dev/shm: Input/output error", rescue, in: machine)
        try await expect(
            "resume mount-root -e inject=umount2:error=EBUSY",
            says: "cannot unmount /mnt-root to check /dev/shm: Device or resource busy", rescue, in: machine)
        // A limit of the kernel's own: no mount more.
        try await expect(
            """
            most=$(cat /proc/sys/fs/mount-max); echo 1 > /proc/sys/fs/mount-max; mkdir -p /mnt-root/nix/store
            vm-agent resume --from overlay-store; echo $most > /proc/sys/fs/mount-max
            """, says: "(tmpfs): move_mount: No space left on device", ". Give the guest more memory, or leave out vm.writable-store",
            in: machine)
        try await expect(
            "for d in proc sys dev run root tmp; do mkdir -p /mnt-root/$d; done; resume switch-root -e inject=chdir:error=EIO",
            says: "cannot enter /mnt-root: Input/output error (errno 5); is the root mounted there?", in: machine)
        try await expect(
            "resume switch-root -e inject=chroot:error=EPERM",
            says: "cannot make /mnt-root the root: Operation not permitted (errno 1); start the guest anew", in: machine)
    }
}
