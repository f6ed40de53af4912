import Foundation
import HostTools
import Testing

/// The host's messages of `docs/errors.md` about what fails for no fault of the user's: tools that fail or hang, a full disk, and system
/// calls that the kernel refuses, by `strace`, where nothing else makes it do so. All but one start no VM.
@Suite(.tellsStory) struct HostFaultTests {
    /// `vm run` as far as the start of QEMU, which only tells its version.
    private let run = "vm run --quiet --kernel $K --modules $M --root tmpfs --qemu-opts --version"
    /// What is put before a program to have one of its system calls fail, each time or where it is about `path`.
    private func refusing(_ call: String, _ error: String, _ path: String? = nil, options: String = "--seccomp-bpf") -> String {
        "strace -f \(options) -qq -o /dev/null \(path.map { "-P \($0)" } ?? "") -e trace=\(call) -e inject=\(call):error=\(error)"
    }

    @Test func anImageThatCannotBeMadeIsToldWithTheReason() async throws {
        let directory = try VMDirectory()
        // What the tool says, whether it ends its `vm run`, and else it hangs.
        try await directory.script(
            """
            mkdir -p store/a bin tree; echo data > store/a/f; chmod 755 ..; chmod 1777 .; cp \(Checkout.vm) \(Checkout.proxy) .
            printf '/nix/store/a\\nhash\\n1\\n\\n0\\n' > good; sed s/nix/gnu/ good > foreign; sed s/a$/b/ good > missing
            install -m 600 good secret; printf '/nowhere\\0/x\\0' > files; mkdir -m 777 cache users
            printf '#!/bin/sh\\n[ -z "$SAY" ] || { echo $SAY >&2; exit 1; }\\n[ -z "$END" ] || kill -TERM $PPID\\nexec sleep 100\\n' > bin/mkfs.erofs
            cp bin/mkfs.erofs bin/nix-store; chmod 755 bin/*
            """)
        let image = "env XDG_CACHE_HOME=$PWD/cache \(run) --share image --store $PWD/store --register"
        let faulty = "PATH=$PWD/bin:$PATH \(image) good"
        let user = "XDG_CACHE_HOME=$PWD/users XDG_RUNTIME_DIR= TMPDIR=$PWD setpriv --reuid 65534 --clear-groups ./\(run) --share image"
        // Its name is that of its content.
        let made = try await directory.shell("\(image) good && cd cache/vm-agent && ls image-*.img && rm image-*.img")
        let lock = "\(directory.path)/cache/vm-agent/\(try #require(made.lines.first { $0.hasSuffix(".img") }, "\(made)")).lock"
        try await directory.expect(
            [
                ("\(image) foreign", "cannot make an image of the store: the registration has /gnu/store/a, which is not in /nix/store"),
                ("\(image) missing", "cannot make an image of the store: cannot read \(directory.path)/store/b: No such file"),
                ("mkdir \(lock); \(image) good; c=$?; rmdir \(lock); exit $c", "cannot make \(lock): Is a directory"),
                ("\(refusing("flock", "ENOLCK", lock)) \(image) good", "cannot lock \(lock): No locks available"),
                ("SAY='no image today' \(faulty)", "cannot make an image of the store: no image today"),
                ("VM_PATIENCE=1 \(faulty)", "given up after 1 s of making an image of the store: "),
                ("VM_PATIENCE=1 \(faulty)", "; $VM_PATIENCE gives it more seconds"),
                (
                    "VM_PATIENCE=1 PATH=$PWD/bin:$PATH vm run --kernel $K --modules $M --register /nix/store/.links -- true",
                    "nix-store -qR did not end within 1 s"
                ),
                ("\(user) --store $PWD/store --register secret", "cannot read the registration secret: Permission denied"),
                (
                    "unshare -m sh -c 'mount --bind /dev/null /usr/bin/unshare; \(user) --store $PWD/store --register good'",
                    "cannot make an image of the store without root: there is no unshare in PATH"
                ),
                ("vm make-image --tree $PWD/tree -- /bin/true < files", "cannot show /nowhere in the tree: No such file or directory"),
                (
                    "setpriv --reuid 65534 --clear-groups ./vm make-image --tree $PWD/tree -- /bin/true",
                    "cannot have mounts of its own: Operation not permitted"
                ),
            ], code: 255)
        try await directory.expect([("END=1 \(faulty)", "interrupted while making an image of the store")], code: 128 + 15)
        await directory.expectNothingLeft()
    }

    @Test func aBootDiskThatCannotBeBegunIsToldWithTheReason() async throws {
        let directory = try VMDirectory()
        // The first proxy ends who has started it, as the QEMU that makes the disk does where that is wanted.
        try await directory.script(
            """
            mkdir -p bin lib/grub; mkdir -m 700 -p cache/vm-agent; ln -s /usr/lib/grub/i386-pc lib/grub/
            printf '#!/bin/sh\\n[ -e ended ] || { : > ended; kill -TERM $PPID; }\\nexec \(Checkout.proxy) "$@"\\n' > proxy
            sed -i "s|ended|$PWD/ended|g" proxy
            printf '#!/bin/sh\\n[ -z "$SAY" ] || { echo $SAY >&2; exit 1; }\\nexec /usr/bin/grub-mkimage "$@"\\n' > bin/grub-mkimage
            cat > bin/qemu-system-x86_64 <<'end'
            #!/bin/sh
            [ -z "$END" ] || kill -TERM $(awk '/^PPid/ { print $2 }' /proc/$PPID/status)
            exec sleep 100
            end
            chmod 755 bin/* proxy
            """)
        let settings = "XDG_CACHE_HOME=$PWD/cache PATH=$PWD/bin:$PATH"
        let bare = "\(run) --share cifs --accel tcg --store none --boot-loader"
        let disk = "\(settings) \(bare)"
        let kernel = "\(directory.path)/lib/grub/i386-pc/kernel.img"
        let lock = "cache/vm-agent/boot.lock"
        try await directory.expect(
            [
                ("SAY='no GRUB today' \(disk)", "/bin/grub-mkimage, which makes a part of the boot disk, failed: no GRUB today"),
                ("rm \(lock); mkdir \(lock); \(disk); c=$?; rmdir \(lock); exit $c", "/\(lock): Is a directory"),
                ("\(settings) \(refusing("newfstatat", "EIO", kernel)) \(bare)", "cannot look at \(kernel): Input/output error"),
                ("\(settings) \(refusing("truncate", "ENOSPC")) \(bare)", "cannot make the boot disk \(directory.path)/cache"),
                (
                    "\(settings) \(refusing("execve", "ENOMEM", "/proc/self/exe")) \(bare)",
                    "cannot start the VM that makes the boot disk: Cannot allocate memory"
                ),
                ("\(settings) VM_PATIENCE=1 flock \(lock) \(bare)", "waited 1 s for another vm run to make a boot disk; who holds /"),
                ("VM_PATIENCE=1 \(disk)", "the VM that makes the boot disk did not end within 1 s"),
            ], code: 255)
        try await directory.expect(
            [
                ("\(settings) VM_PROXY=$PWD/proxy flock \(lock) \(bare)", "interrupted before the VM was started"),
                ("END=1 \(disk)", "interrupted while the boot disk was made"),
            ], code: 128 + 15)
        await directory.expectNothingLeft()
    }

    /// The tools in the VM do nothing, so that it takes no longer than its boot; meanwhile its disk loses its name.
    @Test func aBootDiskThatWasRemovedWhileItWasMadeIsTold() async throws {
        let directory = try VMDirectory()
        try await directory.script(
            """
            mkdir bin; for tool in sfdisk mke2fs mount cp dd umount; do cp /bin/true bin/$tool; done
            cat > bin/qemu-system-x86_64 <<'end'
            #!/bin/sh
            qemu=$$
            held() { find /proc/$qemu/fd -lname '*.part' | grep -q .; }
            (until held; do sleep 0.1; done; rm "$XDG_CACHE_HOME"/vm-agent/*.part) > /dev/null 2>&1 &
            exec /usr/bin/qemu-system-x86_64 "$@"
            end
            chmod 755 bin/*
            """)
        let words = "cannot give the boot disk the name \(directory.path)/cache/vm-agent/boot-"
        let command = "XDG_CACHE_HOME=$PWD/cache PATH=$PWD/bin:$PATH \(run) --share cifs --accel tcg --store none --boot-loader --efi"
        try await MachineSlots.withSlot { try await directory.expect([(command, words)], code: 255) }
        await directory.expectNothingLeft()
    }

    @Test func aFileThatCannotBeMadeForTheRunIsNamedWhicheverItIs() async throws {
        let directory = try VMDirectory()
        try await directory.script("mkdir -p store/a full; printf '/nix/store/a\\nhash\\n1\\n\\n0\\n' > registration")
        let proxy = try RunningProgram(directory.program(Checkout.proxy, ["--directory", directory.path]))
        try await eventually("vm-proxy to serve") { FileManager.default.fileExists(atPath: directory.file("vm-proxy.socket")) }
        let all = "\(run) --share cifs --tpm --store $PWD/store --register registration"
        var said = ""
        // With the second inode there is the run's own directory, and each further one is for one file more.
        for count in 2..<100 {
            let place = "unshare -m sh -c 'mount -t tmpfs -o nr_inodes=\(count) none full; XDG_RUNTIME_DIR=$PWD/full exec \(all)'"
            let result = try await directory.shell(place)
            if result.code == 0 { break }
            #expect(result.code == 255 && result.errors.hasPrefix("vm: cannot "), "\(result)")
            #expect(result.errors.contains(" \(directory.path)/full/vm-"), "\(result)")
            #expect(result.errors.contains(": No space left on device"), "\(result)")
            said += result.errors
        }
        for action in ["cannot make /", "cannot write /", "cannot prepare the file server: /", "cannot listen at /"] {
            #expect(said.contains("vm: \(action)"), "\(said)")
        }
        proxy.signal(SIGTERM)
        try await proxy.waitForEnd()
        await directory.expectNothingLeft()
    }

    @Test func aNetworkThatTheKernelDoesNotLetRunIsTold() async throws {
        let directory = try VMDirectory()
        let network = #"echo '{"vms": [{"name": "a", "ephemeral": true, "kernel": "'$K'"}]}' > network.json"#
        try await directory.expect(
            [
                (
                    "\(network); \(refusing("execve", "ENOMEM", "/proc/self/exe")) vm up network.json",
                    "vm: cannot start /proc/self/exe for a: Cannot allocate memory"
                ),
                // The programs that it starts are left alone.
                ("\(refusing("poll", "ENOMEM", options: "-b execve")) vm up network.json", "vm: poll: Cannot allocate memory"),
            ], code: 255)
        await directory.expectNothingLeft()
    }

    @Test func aConnectionThatIsBrokenOffIsTold() async throws {
        let directory = try VMDirectory()
        // A proxy that leaves its client alone, and one that has a signal sent to it.
        try await directory.script(
            """
            cat > serve <<'end'
            #!/bin/sh
            read line
            case $line in
            STATUS)
              echo OK; echo '{"software": "", "pid": 1, "guests": [{"name": "g", "state": "ready", "detail": "", "socket": "",'
              echo '"links": [], "sessions": 0, "connections": 0, "steps": [], "warnings": []}]}' ;;
            WATCH*) echo OK; exec sleep 5 ;;
            *exec*) kill -TERM $(cat client); exec sleep 5 ;;
            *) echo OK; sleep 0.2; kill -KILL $PPID ;;
            esac
            end
            chmod 755 serve
            """)
        let path = directory.file("vm-proxy.socket")
        let server = try RunningProgram(directory.program("/usr/bin/socat", ["UNIX-LISTEN:\(path),fork", "EXEC:./serve"]))
        try await eventually("socat to serve") { isListening(path) }
        try await directory.expect([("sleep 3 | vm forward --stdio 80 g", "the connection into guest 'g' was lost")], code: 255)
        try await directory.expect([("echo $$ > client; exec vm exec g -- true", "interrupted by signal 15")], code: 128 + 15)
        server.signal(SIGTERM)
        try await server.waitForEnd()
        await directory.expectNothingLeft()
    }
}
