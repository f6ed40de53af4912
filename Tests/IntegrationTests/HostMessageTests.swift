import ControlProtocol
import Foundation
import Testing

/// The host's messages of `docs/errors.md` that no other test comes across, by the programs themselves. None of these starts a VM.
@Suite(.tellsStory) struct HostMessageTests {
    private func expect(_ faults: [VMDirectory.Fault], code: Int, in directory: VMDirectory? = nil) async throws {
        let place = try directory ?? VMDirectory()
        try await place.expect(faults, code: code)
        await place.expectNothingLeft()
    }

    @Test func wrongUsageIsToldWithWhatIsRight() async throws {
        try await expect(
            [
                ("vm cp a", "A source and a destination are needed: vm cp SOURCE … DESTINATION"),
                ("vm cp 'a b:c' d", "'a b:c': 'a b' is no VM's name: it may have letters, digits"),
                ("vm cp x y", "One side must be NAME:PATH, a path in a VM: neither 'x' nor the destination is."),
                ("vm cp g:a g:b", "One side must be on this machine: copy g:a here first."),
                ("vm cp -r - g:b", "'-' is one file; it does not go with --recursive."),
                ("vm cp g:a g:b -", "Only one file can go to '-'."),
                ("vm cp - - g:b", "'-' can be read once."),
                ("vm cp --wait -1 a g:b", "--wait must be 0 or more seconds."),
                ("vm down", "Name the VMs to power off, or give --all."),
                ("vm down --timeout -1 g", "--timeout must be 0 or more seconds."),
                ("vm exec --interactive --no-input g -- true", "--interactive and --no-input exclude each other."),
                ("vm exec g", "A command is needed, after '--': vm exec g -- COMMAND"),
                ("vm exec --wait -1 g -- true", "--wait must be 0 or more seconds."),
                ("vm exec --tty g -- true", "--tty needs a terminal, and the standard input is none; leave --tty out"),
                ("vm exec --env =x g -- true", "--env =x: must be NAME=VALUE or NAME."),
                ("vm exec --user :g g -- true", "--user :g: must begin with a name or number."),
                ("vm exec --cwd '' g -- true", "--cwd must not be empty."),
                ("vm forward g", "Name what to forward, such as 8080:80, or give --stdio with a port."),
                ("vm forward --stdio x g", "--stdio x: 'x' is no port: ports are 1 to 65535."),
                ("vm forward g 8080:host:80", "is no IPv4 or IPv6 address; names are not looked up"),
                ("vm logs --steps --console g", "--steps, --console and --kernel exclude each other."),
                ("vm initrd build --modules x --level 40", "--level must be from 1 to 19, not 40."),
                ("vm initrd build --modules x --level -1", "--level must be from 1 to 19, not -1."),
                ("vm initrd build --modules x --add a:b", "--add takes SOURCE:DESTINATION with an absolute destination, not 'a:b'."),
                ("vm serve-share --source /a --export /b", "A program is needed, after '--'."),
                ("vm run --name a/b -- true", "--name a/b: it may have letters, digits, '.', '_' and '-' only"),
                ("vm run --vlan 0 -- true", "--vlan 0: must be 1 to 254."),
                ("vm run --vlan 1 --vlan 1 -- true", "--vlan: a network is given twice."),
                ("vm run --number -1 -- true", "--number -1: must be 1 to 254."),
                ("vm run --memory -1 -- true", "--memory -1: must be 32 to 1048576 MiB."),
                ("vm run --format always --root tmpfs -- true", "--format is for the root disk, and --root tmpfs has none."),
                ("vm run --user nobody", "--user is for a command: give one after '--'."),
                (
                    "vm run --root tmpfs --writable-store-on disk -- true",
                    "--root tmpfs has no disk to keep the store on: leave out --writable-store-on disk."
                ),
                (
                    "vm run --writable-store --writable-store-on disk -- true",
                    "--writable-store is gone at the end: leave it out where --writable-store-on says disk."
                ),
                ("vm run --cores 0 -- true", "--cores 0: must be 1 to 255."),
                ("vm run --boot-timeout -1 -- true", "--boot-timeout must be 1 or more seconds."),
                ("vm run --until-input-ends -- true", "--until-input-ends is for a VM that stays; a command reads the standard input."),
                (
                    "vm run --root tmpfs --disk d -- true",
                    "--root tmpfs has no disk: leave out --disk and --ephemeral, or give --root disk."
                ),
                ("vm run --ephemeral --disk d -- true", "--ephemeral takes a disk of its own: leave out --disk."),
                ("vm run --verbose --quiet -- true", "--verbose and --quiet exclude each other."),
                ("vm run --initrd x --module y -- true", "--initrd is used as it is: leave it out to have one built with these --modules."),
                ("vm run --mount /etc:/x --mount /usr:/x -- true", "--mount: two directories are to be /x in the guest."),
                (
                    "vm run --until-input-ends",
                    "--until-input-ends: the standard input is no pipe, socket or terminal, so its end is not seen"
                ),
                ("vm-proxy --max-buffered -1", "--max-buffered -1: must be 1 to 1048576 MiB"),
                ("vm-proxy --log-level loud", "--log-level loud: must be trace, debug, info, notice, warning, error or critical"),
                ("vm-proxy --guest a --raw a", "a guest is named by --guest and by --raw"),
                ("vm-proxy --wait -1", "--wait -1: must be 0 to 86400 seconds"),
                ("vm-proxy --guest a/b", "'a/b' is no guest's name: it may have letters, digits"),
            ], code: 64)
    }

    @Test func whatARunLacksIsToldBeforeThereIsAVM() async throws {
        let directory = try VMDirectory()
        try await directory.script(
            """
            echo text > text; mkdir kernels; cp "$0" kernels/vmlinuz-none; echo | gzip > initrd
            mkdir -p store/system nix/store/system closed own; touch file; head -c 1048577 /dev/zero > large
            cp \(Checkout.vm) own; cp \(Checkout.vm) \(Checkout.proxy) .; chmod 755 .. closed; chmod 777 .; head -c 512 /dev/zero > disk; chmod 600 disk
            printf '#!/bin/sh\\nexec sleep 100\\n' > asleep; chmod +x asleep
            """, argument: Checkout.kernel)
        let run = "vm run --kernel $K --modules $M --store none --share cifs"
        let user =
            "XDG_RUNTIME_DIR= TMPDIR=$PWD setpriv --reuid 65534 --clear-groups ./vm run --kernel kernels/vmlinuz-none --initrd initrd --store none"
        let hidden = "unshare -m sh -c 'mount -t tmpfs none $0 && exec \"$@\"'"
        try await expect(
            [
                ("VM_KERNEL=text vm run --store none -- true", "text is no kernel image that can be told: it has no bzImage header"),
                ("vm run --kernel nowhere -- true", "no such kernel: nowhere; give --kernel or VM_KERNEL the path of a kernel image"),
                ("\(hidden) /boot env VM_KERNEL= vm run --store none -- true", "no kernel: there is none in /boot that this user can read"),
                ("vm run --kernel kernels/vmlinuz-none --store none -- true", "no modules for the kernel "),
                ("vm run --kernel text --modules $M --store none -- true", "text is no kernel image: it begins with the text 'text'"),
                ("vm run --kernel $K --initrd text --store none -- true", "text is no initrd: it begins with the text 'text'; an initrd"),
                ("vm run --kernel $K --initrd file --store none -- true", "file is no initrd: it is empty"),
                ("vm run --kernel $K --initrd nowhere --store none -- true", "cannot read the initrd "),
                ("\(run) --system /x -- true", "--system, --register and a writable store need a store: leave out '--store none'"),
                ("\(hidden) /nix vm run --kernel $K --modules $M --system /nix/store/x -- true", "--system /nix/store/x: "),
                (
                    "\(hidden) /nix vm run --kernel $K --modules $M --register /nix/store/x -- true",
                    "/x: this host has no /nix/store; give --store"
                ),
                (
                    "vm run --kernel $K --modules $M --store $PWD/nix/store --system $PWD/nix/store/system -- true",
                    "/system/init does not exist; "
                ),
                (
                    "vm run --kernel $K --modules $M --store $PWD/store --register $PWD/store/system -- true",
                    "is not the store of a Nix database"
                ),
                ("vm run --kernel $K --modules $M --register /nix/store/none -- true", "--register /nix/store/none: there is no such path"),
                ("vm run --kernel $K --modules $M --register /nix/store/.links -- true", "nix-store -qR: "),
                ("PATH=$DIST vm run --kernel $K --modules $M --register /nix/store/.links -- true", "cannot run nix-store to find what "),
                ("PATH=$DIST vm run --kernel $K --modules $M --register /nix/store/.links -- true", "there is no nix-store in PATH"),
                ("\(run) --hosts nowhere -- true", "--hosts nowhere: No such file or directory"),
                ("\(run) --hosts large -- true", "--hosts large: it has more than 1 MiB"),
                ("QEMU_VDE_SOCKET_1=/nowhere \(run) --vlan 1 -- true", "--vlan 1: no vde_switch answers at /nowhere ($QEMU_VDE_SOCKET_1)"),
                ("\(run) --qemu-opts \"'\" -- true", "the quote ' is not closed in: '"),
                ("\(run) --qemu-opts '\\' -- true", "nothing follows the last backslash in: \\"),
                ("QEMU_OPTS=\\' \(run) -- true", "cannot read $QEMU_OPTS: the quote ' is not closed"),
                ("\(run) --disk file -- true", "/file as a disk: it is neither a qcow2 image nor a raw one"),
                (
                    "unshare -m sh -c 'mount --bind /tmp /tmp; mount -o remount,ro,bind /tmp; XDG_RUNTIME_DIR= TMPDIR= exec \(run) -- true'",
                    "cannot make a directory for the run's files: "
                ),
                ("PATH=/usr/bin own/vm run --kernel $K --modules $M --store none -- true", "cannot find vm-proxy: looked for "),
                ("VM_PROXY=/nowhere \(run) -- true", "cannot start /nowhere: No such file or directory"),
                ("VM_PROXY=$PWD/asleep \(run) -- true", "/asleep did not begin to serve "),
                ("XDG_CACHE_HOME=$PWD/file \(run) -- true", "cannot keep files in "),
                ("VM_PROXY=/bin/false \(run) -- true", "/bin/false cannot serve "),
                (
                    "TMPDIR=$(printf /tmp/%0100d 0); mkdir $TMPDIR; XDG_RUNTIME_DIR= TMPDIR=$TMPDIR \(run) -- true; c=$?; rm -r $TMPDIR; exit $c",
                    "the path is longer than 107 bytes; choose a shorter runtime directory"
                ),
                (
                    "unshare -m sh -c 'mount -t tmpfs -o size=64k none closed; exec \(run) --disk closed/full -- true'",
                    "cannot make the disk /",
                ),
                ("\(user) --disk disk -- true", "/disk for reading and writing: Permission denied"),
                ("\(user) --disk closed/disk -- true", "/closed/disk: cannot write to the directory "),
                (
                    "\(user) --share virtiofs --mount /etc:/x -- true",
                    "--share virtiofs: virtiofsd needs root; run vm as root, or give --share cifs or 9p"
                ),
                ("vm serve-share --source /nowhere --export closed -- /bin/true", "cannot show /nowhere to its server at closed: "),
                ("strace -f -qq -o trace -e inject=prctl:error=EPERM vm serve-share -- /bin/true", "vm: prctl: Operation not permitted"),
                ("vm serve-share --source /etc --export closed -- /nowhere", "cannot execute /nowhere: No such file or directory"),
            ], code: 255, in: directory)
        // Disks that were made for these runs are gone with them.
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
            $0.hasSuffix(".qcow2") || $0.hasPrefix("vm-")
        }
        #expect(left == ["vm-proxy"])
    }

    @Test func whatANetworksSwitchDoesNotIsTold() async throws {
        let directory = try VMDirectory()
        try await directory.script(
            """
            mkdir no ended asleep; touch no/vde_switch; chmod 755 no/vde_switch; mkdir absent
            printf '#!/nowhere\\n' > no/vde_switch; printf '#!/bin/sh\\nexit 3\\n' > ended/vde_switch
            printf '#!/bin/sh\\nexec sleep 100\\n' > asleep/vde_switch; chmod 755 */vde_switch
            echo '{"vms": [{"name": "a", "ephemeral": true, "kernel": "'$0'", "vlans": [7]}]}' > network.json
            """, argument: Checkout.kernel)
        try await expect(
            [
                ("PATH=$PWD/no:$PATH vm up network.json", "/no/vde_switch for the network 7: No such file or directory"),
                (
                    "PATH=$PWD/ended:$PATH vm up network.json",
                    " for the network 7 ended at once (exit code 3); try it by hand: vde_switch -s "
                ),
                ("PATH=$PWD/asleep:$PATH vm up network.json", " for the network 7 made no sockets in "),
            ], code: 255, in: directory)
    }

    @Test func whatAnInitrdCannotBeMadeOfIsTold() async throws {
        let directory = try VMDirectory()
        try await directory.script(
            """
            echo text > text; mkdir -p several/lib/modules/1/kernel several/lib/modules/2/kernel; ln -s text link
            mkdir -p tree; ln -s "$(printf '%05000d' 0 | head -c 4090)" tree/long || :
            touch several/lib/modules/1/kernel/a.ko several/lib/modules/2/kernel/a.ko
            """)
        let hidden = "unshare -m sh -c 'for f in /usr/sbin/mke2fs /sbin/mke2fs; do mount --bind /dev/null $f; done; exec \"$@\"' sh"
        let build = "vm initrd build --modules $M --output out.img"
        try await expect(
            [
                ("vm initrd build --modules /nowhere", "/nowhere holds no kernel modules: looked for /nowhere/kernel"),
                ("vm initrd build --modules several", "holds the modules of several kernels (1, 2); give the directory of one of them"),
                ("vm initrd build --modules several/lib/modules/1 --kernel $K", "holds modules for 1, but the kernel is "),
                ("\(build) --module nosuch", "there is no module nosuch"),
                ("\(build) --busybox text", "cannot put the program text into the initrd: it is not an ELF file; give an executable"),
                ("\(build) --agent /bin/sh", "cannot use /bin/sh as /init: it is not static (it asks for "),
                (
                    "truncate -s 5G large; \(build) --add large:/x",
                    " bytes are more than an initrd can hold; hand it to the guest on a disk or"
                ),
                ("\(build) --agent nowhere", "cannot read nowhere: No such file or directory"),
                ("\(build) --agent /dev/null", "/dev/null is not a regular file; give the path of one"),
                ("\(build) --add text:/../x", "into the initrd: not a path in a file tree; give an absolute path without '..'"),
                ("\(build) --add text:/$(printf '%05000d' 0)", "its name has 5000 bytes and Linux unpacks at most "),
                ("\(build) --add text:/bin/busybox/x", "is not a directory there; choose another destination"),
                ("\(hidden) vm initrd build --modules $M", "found no mke2fs (looked for "),
                ("vm initrd build --modules $M --output /nowhere/x", "cannot write /nowhere/x: No such file or directory"),
            ], code: 255, in: directory)
    }

    @Test func aServiceManagerThatIsNotThereIsToldAndNotMissed() async throws {
        let words = "the service manager at $NOTIFY_SOCKET cannot be told "
        try await expect([("NOTIFY_SOCKET=/nowhere timeout 1 vm-proxy", words)], code: 124)
    }

    @Test func aDirectoryHasOnlySoManyGuests() async throws {
        let words = "vm-proxy: there are 1024 guests, which is the most there may be in a directory"
        try await expect([("vm-proxy $(seq -f '--guest g%g' 0 1024)", words)], code: 1)
    }

    @Test func whatAClientMeetsInPlaceOfAProxyIsTold() async throws {
        let directory = try VMDirectory()
        let serve = "socat UNIX-LISTEN:$PWD/vm-proxy.socket"
        // The file is there a moment before it listens.
        let wait = "until grep -q \" 00010000 .* $PWD/vm-proxy.socket\" /proc/net/unix; do sleep 0.05; done"
        try await expect(
            [
                ("vm exec g -- true", "no vm-proxy answers on "),
                ("a=$(printf %0100000d 0); vm exec g -- $a $a $a $a $a $a $a $a $a $a $a", " is the most; pass data through its input"),
                (
                    "\(serve) SYSTEM:'read l; echo nonsense' & \(wait); vm ps --directory $PWD; c=$?; wait; exit $c",
                    "the vm-proxy's reply is not of this protocol: "
                ),
                ("\(serve) SYSTEM:'read l; sleep 30' & \(wait); vm down g; c=$?; wait; exit $c", " within 15 s"),
                (
                    "\(serve) SYSTEM:'read l' & \(wait); vm down g; c=$?; wait; exit $c",
                    "vm: the vm-proxy of \(directory.path) ended while "
                ),
            ], code: 255, in: directory)
    }
}
