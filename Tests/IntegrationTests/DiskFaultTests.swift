import ControlProtocol
import Foundation
import Testing

/// Disks that the root cannot be on: the boot stops, says why, and can be entered. A disk that is absent is among `BootTests`.
@Suite(.tellsStory) struct DiskFaultTests {
    private func expectFailure(_ options: [String], in directory: VMDirectory, saying words: [String]) async throws {
        try await withMachine(["--store", "none"] + options, in: directory) { machine in
            let status = try await machine.waitUntilFailed()
            for word in words { #expect(status.detail.contains(word), "\(status.detail)") }
            #expect(try await machine.output(of: "vm-agent resume --explain").contains(words[0]))
        }
        await directory.expectNothingLeft()
    }

    @Test(arguments: [true, false]) func aReadOnlyDiskIsNotARoot(_ isEmpty: Bool) async throws {
        let directory = try VMDirectory()
        try await directory.script("truncate -s 64M other.img" + (isEmpty ? "" : "; mkfs.ext4 -q other.img"))
        let words =
            isEmpty
            ? ["cannot note at the end of /dev/vdb that it is being formatted", "Operation not permitted"]
            : ["cannot mount /dev/vdb on /mnt-root (ext4)", "Permission denied"]
        let disk = "-drive if=virtio,format=raw,readonly=on,file=\(directory.file("other.img"))"
        try await expectFailure(["--append", "vm.disk=/dev/vdb", "--qemu-opts", disk], in: directory, saying: words)
    }

    @Test func aDiskThatIsTooSmallSaysSoInMke2fssWords() async throws {
        let directory = try VMDirectory()
        try await directory.script("truncate -s 32K small.img")
        try await expectFailure(
            ["--disk", directory.file("small.img")], in: directory,
            saying: [
                "cannot make an ext4 filesystem on /dev/vda: /sbin/mke2fs: exit code 1: ", "Not enough space to build proposed filesystem",
            ])
    }

    @Test func aFullDiskSaysWhatItHasNoRoomFor() async throws {
        let directory = try VMDirectory()
        // No room for one more directory, not even root's reserve.
        try await directory.script(
            "mkdir root; truncate -s 8M full.img; mkfs.ext4 -q -m 0 full.img; head -c 8M /dev/zero | tr '\\0' x > fill; "
                + "debugfs -w -R 'write fill fill' full.img > /dev/null 2>&1; rm -r fill root")
        try await expectFailure(
            ["--disk", directory.file("full.img")], in: directory,
            saying: ["cannot make directories in the root on /dev/vda", "No space left on device", "make room below /mnt-root"])
    }

    @Test func ofTwoDisksTheFirstIsTheRootAndTheOtherIsNotTouched() async throws {
        let directory = try VMDirectory()
        try await directory.script("truncate -s 16M other.img; cp --sparse=always other.img before.img")
        let options = ["--store", "none", "--qemu-opts", "-drive if=virtio,format=raw,file=\(directory.file("other.img"))"]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "grep -o '^/dev/vd. / ' /proc/mounts; ls /dev/vdb") == "/dev/vda / \n/dev/vdb")
        }
        try await directory.script("cmp other.img before.img")
        await directory.expectNothingLeft()
    }
}
