import ControlProtocol
import Foundation
import Testing

/// In a real VM: what is on real block devices stays there, however they look or fail. What may be on a disk is tried one by one in
/// GuestBootTests; here are some of those, as a guest's further disks, and bad sectors, which need the guest's device-mapper.
@Suite(.tellsStory) struct DiskCorpusTests {
    /// Name, how it is made, and what the step says of it.
    private static let disks: [(name: String, script: String, finding: String)] = [
        ("xfs", "truncate -s 300M $disk; mkfs.xfs -q $disk", "holds xfs: kept"),
        ("btrfs", "mkfs.btrfs -q --mixed $disk", "holds btrfs: kept"),
        ("luks", "echo phrase | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $disk -", "it holds crypto_LUKS"),
        ("swap", "mkswap $disk", "it holds swap (signature at byte 4086)"),
        ("gpt", "echo label: gpt | sfdisk -q $disk", "it holds a partition table, gpt (signature at byte 512)"),
        (
            "backup", "echo label: gpt | sfdisk -q $disk; dd if=/dev/zero of=$disk bs=512 count=34 conv=notrunc status=none",
            "it holds no known signature, but data at byte 33553920"
        ),
        ("bcache", "make-bcache -B $disk", "it holds bcache"),
        (
            "lost", "mke2fs -q -F -t ext4 $disk; dd if=/dev/zero of=$disk bs=4096 count=1 conv=notrunc status=none",
            "it holds no known signature, but data at byte 4096"
        ),
        ("last", "printf x | dd of=$disk bs=1 seek=33554431 conv=notrunc status=none", "data at byte 33554431"),
        // Each with a bad sector under it.
        ("bad-zero", "true", "cannot read all of /dev/mapper/bad-zero, so it is not proved empty: Input/output error"),
        ("bad-ext4", "mke2fs -q -F -t ext4 $disk", "the disk is not touched"),
        // And one that is empty indeed, so that this test can fail.
        ("empty", "true", "was empty: made ext4"),
    ]

    private func make(in directory: VMDirectory) async throws {
        let scripts = Self.disks.map { "disk=\($0.name).img; truncate -s 32M $disk; \($0.script) 2>&1" }
        try await directory.script(scripts.joined(separator: "\n"))
    }

    private func checksums(in directory: VMDirectory) async throws -> [String: String] {
        let lines = try await directory.script("sha256sum *.img").lines.map { $0.split(separator: " ").map(String.init) }
        return Dictionary(uniqueKeysWithValues: lines.map { ($0[1], $0[0]) })
    }

    /// Gives the guest programs of this machine, with their libraries.
    private func bring(_ programs: String, to machine: Machine) async throws {
        let script = """
            files=$(for program in \(programs); do command -v $program; done)
            libraries=$(ldd $files | grep -oE '/[^ :]+' | sort -u)
            tar -C / -chf tools.tar $(for file in $files $libraries; do echo ${file#/}; done)
            "\(Checkout.vm)" cp tools.tar \(machine.name):/tools.tar
            rm tools.tar
            """
        try await machine.directory.script(script)
        _ = try await machine.output(
            of: "tar -xf /tools.tar -C / && mkdir -p /sbin && ln -sf $(command -v /usr/sbin/mke2fs /sbin/mke2fs | head -1) /sbin/")
    }

    @Test func whatIsOnABlockDeviceStaysThere() async throws {
        let directory = try VMDirectory()
        try await make(in: directory)
        let before = try await checksums(in: directory)
        let drives = Self.disks.flatMap { disk in
            let file = directory.file("\(disk.name).img")
            return [
                "--qemu-opts",
                "-drive file=\(file),format=raw,if=none,id=\(disk.name) -device virtio-blk-pci,drive=\(disk.name),serial=c-\(disk.name)",
            ]
        }
        try await withMachine(["--store", "none", "--module", "dm_mod"] + drives, in: directory) { machine in
            try await machine.waitUntilReady()
            try await bring("dmsetup mke2fs", to: machine)
            // Sector 2, the superblock's, cannot be read on one, and one in the middle on the other.
            let answer = try await machine.output(
                of: """
                    bad() { size=$(cat /sys/block/${1##*/}/size)
                      printf '%s\\n' "0 $3 linear $1 0" "$3 1 error" "$(($3 + 1)) $((size - $3 - 1)) linear $1 $(($3 + 1))" |
                        /usr/sbin/dmsetup --noudevrules --noudevsync create $2
                      for name in /sys/block/dm-*/dm/name; do
                        [ $(cat $name) != $2 ] || { name=${name%/dm/name}; ln -s /dev/${name##*/} /dev/mapper/$2; }
                      done; }
                    for place in /sys/block/vd*; do
                      serial=$(cat $place/serial); disk=/dev/${place##*/}
                      case $serial in
                      c-bad-zero) bad $disk bad-zero 40000; disk=/dev/mapper/bad-zero;;
                      c-bad-ext4) bad $disk bad-ext4 2; disk=/dev/mapper/bad-ext4;;
                      c-*) ;;
                      *) continue;;
                      esac
                      echo vm.disk=$disk vm.hostfs=none > /tmp/cmdline
                      mount --bind /tmp/cmdline /proc/cmdline
                      dmesg -c > /dev/null
                      vm-agent post-device > /tmp/said 2>&1; code=$?
                      umount /proc/cmdline
                      echo "$serial $code $(cat /tmp/said; dmesg | grep format-empty-disk:)" | tr '\\n' ' '; echo
                    done
                    """)
            let lines = answer.split(separator: "\n").map(String.init)
            #expect(lines.count == Self.disks.count, "\(answer)")
            for (name, _, finding) in Self.disks {
                let line = lines.first { $0.hasPrefix("c-\(name) ") } ?? "nothing was said of \(name)"
                #expect(line.contains(finding), "\(line)")
                let isDone = finding.hasSuffix("kept") || name == "empty"
                #expect(line.hasPrefix("c-\(name) \(isDone ? 0 : 1) "), "\(line)")
            }
        }
        let after = try await checksums(in: directory)
        #expect(after["empty.img"] != before["empty.img"])
        for (name, sum) in before where name != "empty.img" { #expect(after[name] == sum, "\(name) has been written to") }
        await directory.expectNothingLeft()
    }

    @Test(arguments: ["empty", "never", "always"]) func theRootDiskIsTreatedAsFormatSays(_ policy: String) async throws {
        let directory = try VMDirectory()
        try await directory.script("truncate -s 64M disk.img; mkswap -L mine disk.img")
        let before = try await checksums(in: directory)
        let options = ["--store", "none", "--disk", directory.file("disk.img"), "--format", policy]
        try await withMachine(options, in: directory) { machine in
            let status = try await machine.waitUntil("to end its boot") { $0.state == .failed || $0.state == .ready }
            let detail = status.steps.first { $0.name == "format-empty-disk" }?.detail ?? ""
            let what = "swap \"mine\" (signature at byte 4086)"
            if policy == "always" {
                #expect(status.state == .ready)
                #expect(detail == "destroyed what /dev/vda held: \(what); made ext4")
            } else {
                #expect(status.state == .failed)
                #expect(detail.hasPrefix("/dev/vda is neither empty nor a filesystem: it holds \(what); it is not touched."), "\(detail)")
            }
        }
        #expect(try await (checksums(in: directory) == before) == (policy != "always"))
        await directory.expectNothingLeft()
    }
}
