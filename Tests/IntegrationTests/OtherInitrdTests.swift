import ControlProtocol
import Foundation
import Testing

/// Initrds that Debian's own tools have made, with the agent in them by the hooks in `initrd/`.
@Suite(.tellsStory) struct OtherInitrdTests {
    /// What makes an initrd, and a file that only its initrds have.
    enum Tool: String, CaseIterable {
        case initramfsTools = "initramfs-tools"
        case dracut
        case dracutSystemd = "dracut-systemd"

        var mark: String {
            switch self {
            case .initramfsTools: "/conf/initramfs.conf"
            case .dracut: "/usr/lib/vm-agent/modules"
            case .dracutSystemd: "/etc/initrd-release"
            }
        }
    }

    @Test(arguments: Tool.allCases)
    func aVMBootsWithTheInitrdOf(_ tool: Tool) async throws {
        let directory = try VMDirectory()
        let initrd = directory.file("initrd.img")
        let build = try await directory.program(
            "\(Checkout.root)/Tests/OtherInitrds/build", [tool.rawValue, initrd], environment: ["TMPDIR": "/tmp"]
        ).run()
        try #require(build.code == 0, "\(build)")

        let options = ["--initrd", initrd, "--system", Checkout.system, "--writable-store", "--append", "root=/dev/vda rw"]
        try await withMachine(options, in: directory) { machine in
            // The link is there before the root is, and goes along to it.
            _ = try await machine.waitUntil("to be known") { _ in true }
            let early = try await machine.exec(["ls", "-d", tool.mark], options: ["--now"])
            #expect(early.lines == [tool.mark], "\(early)")

            let status = try await machine.waitUntilReady()
            #expect(status.detail == "init is running")
            #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("\(Checkout.system)/init"))
            let agents = "grep -l '^@vm-agent' /proc/[0-9]*/cmdline | wc -l; ls -d /boot; vm-agent --version >/dev/null && echo runs"
            #expect(try await machine.output(of: agents) == "1\n/boot\nruns")

            // The disk was formatted, and is the root.
            let root = try await machine.output(of: "grep ' / ' /proc/mounts")
            #expect(root.hasPrefix("/dev/vda / ext4 rw"), "\(root)")

            // The share is mounted, the store can be written to, and the host's is as it was.
            let store = try await machine.output(
                of: "echo new > /nix/store/new; ls -d /nix/store/new /hostfs/nix/store/new 2>/dev/null || true")
            #expect(store == "/nix/store/new")
            #expect(!FileManager.default.fileExists(atPath: "/nix/store/new"))

            // The registration is loaded.
            let host = try await directory.script("nix-store -q --references \(Checkout.system)")
            let guest = try await machine.exec(["nix-store", "-q", "--references", Checkout.system])
            #expect(guest.lines.sorted() == host.lines.sorted(), "\(guest)")

            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0 && code == 0, "\(down)")
        }
        await directory.expectNothingLeft()
    }

    /// The rule that has no exception, in every initrd: what is on a disk stays.
    @Test func aDiskWithDataIsNotFormattedAndTheGuestCanBeEntered() async throws {
        let directory = try VMDirectory()
        let initrd = directory.file("initrd.img")
        try await directory.script(
            """
            TMPDIR=/tmp "$0" initramfs-tools \(initrd)
            truncate -s 64M occupied.img
            printf 'precious' | dd of=occupied.img bs=1 seek=1048576 conv=notrunc status=none
            """, argument: "\(Checkout.root)/Tests/OtherInitrds/build")
        let before = try await directory.script("sha256sum occupied.img").text
        let options = ["--initrd", initrd, "--store", "none", "--disk", directory.file("occupied.img"), "--append", "root=/dev/vda rw"]
        try await withMachine(options, in: directory) { machine in
            let console = "post-device failed and said why; this guest can be entered through its socket"
            try await eventually("the initrd to stop") { machine.launcher.errors.contains(console) }
            #expect(machine.launcher.errors.contains("/dev/vda is neither empty nor a filesystem"))
            let look = try await machine.exec(["ls", "-d", "/conf/initramfs.conf"], options: ["--now"])
            #expect(look.lines == ["/conf/initramfs.conf"], "\(look)")
        }
        #expect(try await directory.script("sha256sum occupied.img").text == before)
    }
}
