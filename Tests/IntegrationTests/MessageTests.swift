import ControlProtocol
import Foundation
import Testing

/// The messages of `docs/errors.md` that no other test comes across, provoked in a guest whose boot has stopped early: from its
/// shell any step can be begun with, after whatever it needs was broken.
@Suite(.tellsStory) struct MessageTests {
    private func expect(_ script: String, says words: String..., in machine: Machine, user: String? = nil) async throws {
        let options = user.map { ["--user", $0] } ?? []
        let result = try await machine.exec(["sh", "-c", script], options: options)
        for word in words { #expect((result.text + result.errors).contains(word), "\(script): \(result)") }
    }

    @Test func eachStepThatLacksWhatItNeedsSaysWhat() async throws {
        let options = [
            "--store", "none", "--append", "vm.disk=/dev/null vm.clocksource=nonsense vm.hostfs=//10.0.2.4/qemu vm.writable-store",
        ]
        try await withMachine(options) { machine in
            let status = try await machine.waitUntilFailed()
            #expect(status.warnings.contains { $0.hasPrefix("clock-source: cannot take clock source nonsense: the kernel keeps ") })

            // What only root may do.
            let user = "1000"
            try await expect(
                "vm-agent post-device", says: "cannot give eth0 the address 10.0.2.15/24: Operation not permitted",
                "; 'ip link' shows what there is", in: machine, user: user)
            let post = "vm-agent post-mount /tmp/root"
            try await expect(
                "mkdir -p /tmp/root/hostfs && mount -t tmpfs none /tmp/root/hostfs && mkdir -p /tmp/root/hostfs/nix/store; chown 1000 /tmp/root",
                in: machine)
            try await expect(
                post, says: "(bind): mount: Operation not permitted", "Is the host's server of shares still there?", in: machine, user: user
            )
            try await expect("mount -o bind /tmp/root/hostfs/nix/store /tmp/root/nix/store", in: machine)
            try await expect(post, says: "(private): mount: Operation not permitted", in: machine, user: user)

            // The root of the initrd is still there.
            try await expect(
                "mv /bin/busybox /bin/b; vm-agent resume --from install-tools",
                says: "install-tools: warning: no /bin/busybox in the initrd: sessions have only what the system itself brings", in: machine
            )
            try await expect(
                "cd /run/vm-agent/bin; mv busybox /run/busybox; /run/busybox mkdir busybox; /run/busybox mv /bin/b /bin/busybox; ./vm-agent resume --from install-tools",
                says: "install-tools: warning: cannot copy the tools to /run/vm-agent/bin: Is a directory", in: machine)
            let broken =
                "printf '#!/run/busybox sh\\nexit 3\\n' > /run/vm-agent/bin/busybox; /run/busybox chmod +x /run/vm-agent/bin/busybox"
            let install = "/run/busybox mv /lib/busybox-applets /lib/applets; /run/vm-agent/bin/vm-agent resume --from install-tools"
            let mended = "/run/busybox rm busybox; /run/busybox cp /run/busybox busybox; /run/busybox mv /lib/applets /lib/busybox-applets"
            let result = try await machine.exec(
                ["/run/busybox", "sh", "-c", "cd /run/vm-agent/bin; /run/busybox rmdir busybox; \(broken); \(install); \(mended)"])
            #expect(result.text.contains("install-tools: warning: busybox --install: exit code 3"), "\(result)")

            // A root on a filesystem that nothing can be written to.
            let mount =
                "mkdir -p /mnt-root; mount -t tmpfs none /mnt-root; mkdir -p /mnt-root/hostfs/nix/store; mount -o remount,ro /mnt-root; "
            try await expect(
                mount + "vm-agent resume --from boot-directory",
                says: "The boot has stopped at the step boot-directory: cannot make /boot on the root: Read-only file system", in: machine)
            try await expect(
                "vm-agent resume --from bind-store", says: "cannot make /nix/store on the root: Read-only file system", in: machine)
            try await expect(
                "vm-agent resume --from switch-root", says: "cannot mount /proc on /mnt-root/proc (move)", "with these directories in it?",
                in: machine)

            // The writable store.
            try await expect("mount -o remount,rw /mnt-root; mkdir -p /mnt-root/nix/store", in: machine)
            try await expect(
                "touch /run/vm-agent/store; vm-agent resume --from overlay-store; rm /run/vm-agent/store",
                says: "cannot make /run/vm-agent/store: File exists", in: machine)
            try await expect(
                "mkdir /run/vm-agent/store; mount -t tmpfs -o ro none /run/vm-agent/store; vm-agent resume --from overlay-store; "
                    + "umount /run/vm-agent/store", says: "cannot prepare the layers in /run/vm-agent/store: Read-only", in: machine)
            try await expect(
                "mount -t tmpfs none /run/vm-agent/store; mkdir /run/elsewhere; ln -s /run/elsewhere /run/vm-agent/store/upper; "
                    + "vm-agent resume --from overlay-store",
                says: "(overlay): create: Invalid argument", "overlayfs: ", "Is overlay.ko in the initrd?", in: machine)

            // A root that is none.
            try await expect("umount /mnt-root/nix/store; umount /mnt-root; cd /mnt-root && mkdir -p proc sys dev run", in: machine)
            try await expect(
                "vm-agent resume --from switch-root", says: "cannot mount . on / (move): mount: Invalid argument",
                "Is the root mounted there?",
                in: machine)
        }
    }

    @Test func aServingProcessThatDoesNotFollowIsNotWaitedForForEver() async throws {
        try await withMachine(["--store", "none", "--append", "vm.disk=/dev/later"]) { machine in
            try await machine.waitUntilFailed()
            let script = """
                ln -s vda /dev/later; agent=\(try await machine.agent())
                (sleep 1; vm-agent resume > /run/out 2>&1; kill -CONT $agent) > /dev/null 2>&1 &
                kill -STOP $agent
                """
            _ = try await machine.sh(script)
            _ = try await machine.waitUntil("to fail anew") { $0.detail.hasPrefix("switch-root: ") }
            let said = try await machine.output(of: "cat /run/out")
            #expect(said.contains("waited 10 s for the serving process to change its root to /mnt-root; it did not answer"), "\(said)")
            // It has heard the request in the end; then trying again is enough.
            let again = try await machine.sh("vm-agent resume")
            #expect(again.code == 0, "\(again)")
            try await machine.waitUntilReady()
        }
    }

    @Test func whatASessionCannotHaveIsNamed() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            for (request, answer) in [
                ("nonsense", "ERR no service 'nonsense': there are shell, exec, "),
                ("sessions:all", "ERR there is no 'sessions:all': the service is 'sessions'"),
            ] {
                let result = try await machine.directory.socat(ControlSocket.name, input: "CONNECT guest \(request)\n").run()
                #expect(result.text.contains(answer), "\(result)")
            }
            for (user, reason) in [
                ("stranger", "there is no user 'stranger' in the guest's /etc/passwd"),
                ("0:strangers", "there is no group 'strangers' in the guest's /etc/group"),
            ] {
                let result = try await machine.exec(["true"], options: ["--user", user])
                #expect(result.code == 126 && result.errors.contains(reason), "\(result)")
            }
            try await expect(
                "vm-agent load-db /proc/version", says: "is not loaded: no nix-store in ", "name one with vm.nix-store=PATH", in: machine)
            let session = try await machine.exec(["true"], options: ["--detach"]).lines.first ?? ""
            try await eventually("it to end") { try await machine.directory.vm(["sessions", machine.name]).run().text.contains("exit") }
            let late = try await machine.directory.vm(["kill", machine.name, session]).run()
            #expect(late.code == 255 && late.errors.contains("session \(session) has ended"), "\(late)")

            _ = try await machine.exec(["rm", "/dev/kmsg"])
            let log = try await machine.directory.vm(["logs", "--kernel", machine.name]).run()
            #expect(log.errors.contains("cannot open /dev/kmsg in the guest: No such file or directory"), "\(log)")
            _ = try await machine.exec(["rm", "/run/vm-agent/bin/sh"])
            let shell = try await machine.socat("echo never\n")
            #expect(shell.text.contains("there is no shell in this guest: neither the user's of /etc/passwd nor a program sh"), "\(shell)")
        }
    }
}
