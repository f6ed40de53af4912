import ControlProtocol
import Foundation
import Testing

/// A disk that was not unmounted, or is damaged, is mended before it is mounted, or not mounted. Without the demo share, for speed.
@Suite(.tellsStory) struct DirtyDiskTests {
    /// Ends a guest's QEMU in the middle of its work, after it has stored a file.
    private func cutPower(_ options: [String], in directory: VMDirectory) async throws {
        try await withMachine(["--store", "none"] + options, in: directory) { machine in
            let status = try await machine.waitUntilReady()
            _ = try await machine.output(of: "echo kept > /root/file; sync; echo more > /root/other; (sleep 1000; echo) > /dev/null 2>&1 &")
            kill(try #require(status.pid), SIGKILL)
            _ = try await machine.launcher.waitForEnd()
        }
    }

    private func run(_ options: [String] = [], in directory: VMDirectory, _ script: String) async throws -> ProgramResult {
        try await MachineSlots.withSlot {
            try await directory.vmRun(["--store", "none"] + options, command: ["sh", "-c", script], name: "guest").run()
        }
    }

    @Test func aJournalIsReplayedAfterAPowerCutAndThatIsTold() async throws {
        let directory = try VMDirectory()
        try await cutPower([], in: directory)
        let next = try await run(in: directory, "cat /root/file")
        #expect(next.text == "kept\n", "\(next)")
        #expect(next.errors.contains("/dev/vda (ext4): it was not unmounted; its journal was replayed"), "\(next)")
        let last = try await run(in: directory, "true")
        #expect(last.errors.contains("/dev/vda (ext4)") && !last.errors.contains("not unmounted"), "\(last)")
        await directory.expectNothingLeft()
    }

    @Test func aFilesystemWithoutAJournalIsCheckedAfterAPowerCut() async throws {
        let directory = try VMDirectory()
        try await cutPower(["--append", "vm.mkfs=ext2"], in: directory)
        let next = try await run(in: directory, "cat /root/file")
        #expect(next.text == "kept\n", "\(next)")
        #expect(
            next.errors.contains("/dev/vda (ext2): it was not unmounted; e2fsck found nothing wrong")
                || next.errors.contains("/dev/vda (ext2): e2fsck mended it: "), "\(next)")
        try await directory.script("qemu-img convert -O raw guest.qcow2 raw; e2fsck -f -n raw")
        await directory.expectNothingLeft()
    }

    /// An image with a file in it, damaged with debugfs.
    private func damaged(_ type: String, _ requests: String..., in directory: VMDirectory) async throws -> String {
        let commands = requests.map { "debugfs -w -R '\($0)' disk.img 2>&1" }.joined(separator: "\n")
        try await directory.script(
            "truncate -s 64M disk.img; mke2fs -q -F -t \(type) disk.img; echo kept > file; debugfs -w -R 'write file file' disk.img\n\(commands)"
        )
        return directory.file("disk.img")
    }

    @Test func whatCanBeMendedIsMendedAndTold() async throws {
        let directory = try VMDirectory()
        let disk = try await damaged("ext4", "sif file blocks 998", "ssv state 2", in: directory)
        let boot = try await run(["--disk", disk], in: directory, "cat /file")
        #expect(boot.text == "kept\n", "\(boot)")
        #expect(
            boot.errors.contains("/dev/vda (ext4): e2fsck mended it: /dev/vda: Inode 12, i_blocks is 998, should be 2.  FIXED."), "\(boot)")
        try await directory.script("e2fsck -f -n disk.img")
        await directory.expectNothingLeft()
    }

    /// The checksum of a group's descriptor is wrong, which only the kernel's mount finds out.
    @Test func whatTheKernelCannotMountIsChecked() async throws {
        let directory = try VMDirectory()
        let disk = try await damaged("ext4", "set_bg 0 checksum 1", in: directory)
        let boot = try await run(["--disk", disk], in: directory, "cat /file")
        #expect(boot.text == "kept\n", "\(boot)")
        #expect(boot.errors.contains("/dev/vda (ext4): e2fsck mended it"), "\(boot)")
        await directory.expectNothingLeft()
    }

    @Test func whatCannotBeMendedStopsTheBootAndCanBeMendedByHand() async throws {
        let directory = try VMDirectory()
        let disk = try await damaged("ext2", "sif file block[0] 99999999", "ssv state 2", in: directory)
        try await withMachine(["--store", "none", "--disk", disk], in: directory) { machine in
            let status = try await machine.waitUntil("to fail") { $0.state == .failed || $0.state == .ready }
            #expect(status.state == .failed)
            #expect(
                status.detail.hasPrefix(
                    "mount-root: /dev/vda (ext2) is not mounted: errors were met in it before; /sbin/e2fsck -p: exit code 4: "),
                "\(status.detail)")
            #expect(status.detail.contains("UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY."), "\(status.detail)")
            #expect(status.detail.contains("Enter the guest and run \"/sbin/e2fsck -f -y /dev/vda\""), "\(status.detail)")
            let session = try await machine.socat("/sbin/e2fsck -f -y /dev/vda > /dev/null 2>&1; echo $?\n")
            #expect(session.lines == ["1"], "\(session)")
        }
        let boot = try await run(["--disk", disk], in: directory, "echo booted")
        #expect(boot.text == "booted\n", "\(boot)")
        await directory.expectNothingLeft()
    }
}
