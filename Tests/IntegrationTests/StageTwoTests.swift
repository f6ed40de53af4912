import ControlProtocol
import Foundation
import Testing

/// The agent lives through the switch to the real root and into three kinds of init, with its links and sessions; each of them
/// powers off cleanly when it is asked to.
@Suite(.tellsStory) struct StageTwoTests {
    /// An init, and the script that puts what it needs below `root`.
    struct Init: Sendable, CustomTestStringConvertible {
        var path: String
        var name: String
        /// As the kernel names its process.
        var command: String
        var files: String
        var testDescription: String { name }
    }

    static let busybox = Init(
        path: "/sbin/init", name: "busybox", command: "init",
        files: """
            mkdir -p root/sbin root/etc; cp /bin/busybox root/sbin/busybox; ln -s busybox root/sbin/init
            printf '%s\n' '::sysinit:/sbin/busybox echo hello from stage 2' '::respawn:/sbin/busybox sleep 1000' \
              '::shutdown:/sbin/busybox umount -a -r' > root/etc/inittab
            """)

    static let script = Init(
        path: "/init", name: "script", command: "init",
        files: """
            printf '%s\n' '#!/run/vm-agent/bin/sh' 'power_off() { kill -TERM -1; sleep 1; kill -KILL -1; sync' \
              'mount -o remount,ro /; poweroff -f; }' 'trap power_off USR2' 'while :; do sleep 1000 & wait $!; done' > root/init
            chmod +x root/init
            """)

    /// This machine's own systemd, with its libraries and the units for a power-off.
    static let systemd = Init(
        path: "/lib/systemd/systemd", name: "systemd", command: "systemd",
        files: """
            mkdir -p root/usr/lib/systemd/system root/usr/lib64 root/usr/bin root/etc/systemd/system root/var
            for name in lib lib64 bin; do ln -s usr/$name root/$name; done
            for program in systemd systemd-shutdown; do
              cp /usr/lib/systemd/$program root/usr/lib/systemd/
              for library in $(ldd /usr/lib/systemd/$program | grep -o '/[^ ]*'); do cp -n --parents -L $library root/; done
            done
            for unit in poweroff.target systemd-poweroff.service shutdown.target umount.target final.target; do
              cp /usr/lib/systemd/system/$unit root/usr/lib/systemd/system/
            done
            printf '[Unit]\nDescription=Stage 2\nWants=hello.service\n' > root/etc/systemd/system/default.target
            printf '[Service]\nExecStart=/run/vm-agent/bin/sleep 1000\n' > root/etc/systemd/system/hello.service
            """)

    @Test(arguments: [busybox, script, systemd]) func theAgentLivesOnUnderTheRealInitWhichPowersOffCleanly(_ stage: Init) async throws {
        let directory = try VMDirectory()
        try await directory.script("mkdir root\n\(stage.files)\ntruncate -s 256M root.img; mkfs.ext4 -q -d root root.img; rm -r root")
        let options = ["--store", "none", "--disk", directory.file("root.img"), "--append", "init=\(stage.path)"]
        try await withMachine(options, in: directory) { machine in
            try await eventually("the proxy to know the guest") { try await machine.status() != nil }
            // From the first moments, in the initramfs.
            let early = "until test -e /run/over; do sleep 0.1; done; echo lived; exit 6"
            let session = try await machine.exec(["sh", "-c", early], options: ["--detach", "--now"]).lines.first ?? ""
            try await machine.waitUntilReady()
            try await eventually("init to be the guest's own") { try await machine.output(of: "cat /proc/1/comm").contains(stage.command) }
            let links = Set(try await machine.waitUntil("to have two links") { $0.links.count == 2 }.links.map(\.id))
            #expect(try await machine.output(of: "ls -d /nowhere-of-initrd /lib/modules/order 2>/dev/null; echo /root*") == "/root")

            // Orphans are init's, and none is left a zombie.
            _ = try await machine.output(of: "for i in $(seq 20); do (sleep 0.1 &); done; sleep 1")
            try await eventually("the orphans to be reaped") {
                try await machine.output(of: "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l") == "0"
            }
            _ = try await machine.output(of: "touch /run/over; seq 100000 > /numbers")
            let attached = try await machine.directory.vm(["attach", machine.name, session]).run()
            #expect(attached.code == 6 && attached.text == "lived\n", "\(attached)")
            #expect(Set(try await machine.status()?.links.map(\.id) ?? []) == links, "no link was lost")

            // What runs at the end learns of it, and the end itself is a good one.
            let running = try RunningProgram(directory.vm(["exec", machine.name, "--", "sh", "-c", "echo begun; sleep 1000"]))
            try await eventually("it to run") { running.output == Array("begun\n".utf8) }
            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0 && down.errors == "", "\(down)")
            #expect(code == 0, "the guest's exit state is that of a power-off")
            #expect([143, 137, 255].contains(try await running.waitForEnd()), "\(running.errors)")
        }
        let header = try await directory.script("dumpe2fs -h root.img 2>/dev/null")
        #expect(header.lines.contains { $0.hasPrefix("Filesystem state:") && $0.hasSuffix(" clean") }, "\(header)")
        #expect(!header.text.contains("needs_recovery"), "\(header)")
        try await directory.script("e2fsck -fn root.img")
        await directory.expectNothingLeft()
    }
}
