import ControlProtocol
import Foundation
import HostTools
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

    /// A part of the disk that the guest's device-mapper makes a device of.
    private struct Part {
        var name: String
        /// In sectors, on the disk.
        var place: Int
        var sectors: Int
        /// The sector that cannot be read.
        var bad: Int?
        /// What must be told of it.
        var finding = "not touched"

        /// What makes the device: a name, and its table in one word.
        var line: String {
            guard let bad else { return "\(name) 0,\(sectors),linear,DISK,\(place)" }
            let before = bad > 0 ? "0,\(bad),linear,DISK,\(place);" : ""
            let after = sectors - bad - 1 > 0 ? ";\(bad + 1),\(sectors - bad - 1),linear,DISK,\(place + bad + 1)" : ""
            return "\(name) \(before)\(bad),1,error\(after)"
        }
    }

    /// All kinds of disks on one, each with a bad sector where it is known by.
    private func corpus(in directory: VMDirectory) async throws -> (parts: [Part], sectors: Int) {
        var parts: [Part] = []
        var place = 0
        for kind in DiskCorpus.allCases {
            let image = try kind.make()
            let sectors = (try Int(Tool.run("stat", "-c", "%s", image.path).lines[0]) ?? 0) / 512
            let signature = try Tool.run("wipefs", "--no-act", "--noheadings", "--output", "OFFSET", image.path).lines.first
            let byte =
                switch kind {
                case .gptWithOnlyTheBackup: (sectors - 1) * 512
                case .randomBytes: 1 << 20
                default: signature.flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0
                }
            parts.append(Part(name: kind.rawValue, place: place, sectors: sectors, bad: byte / 512))
            let copy = "dd if=\"$0\" of=corpus.img bs=1M seek=\(place / 2048) conv=notrunc,sparse status=none"
            try await directory.script(copy, argument: image.path)
            place += (sectors + 2047) / 2048 * 2048
        }
        return (parts, place)
    }

    /// `mdadm` needs a kernel with its driver, and `vgcreate` a block device: what they make is made in the guest. In each array is
    /// something that is somebody's.
    private static let metadata: [(version: String, superblock: Int)] = [
        ("0.90", 16_384 - 128), ("1.0", 16_384 - 16), ("1.1", 0), ("1.2", 8), ("lvm", 1),
    ]

    @Test func everyKindOfDiskWithABadSectorUnderItAndEveryKindOfArrayIsLeftAsItIs() async throws {
        let directory = try VMDirectory()
        var (parts, end) = try await corpus(in: directory)
        var arrays = ""
        for (version, superblock) in Self.metadata {
            let name = version == "lvm" ? "pv" : "md\(version.filter { $0 != "." })"
            let kind = version == "lvm" ? "LVM2_member" : "linux_raid_member"
            let (own, copy) = (end, end + 16_384)
            end += 2 * 16_384
            arrays += "\(version) \(own) \(copy) \(superblock)\n"
            parts += [
                Part(name: name, place: own, sectors: 16_384, finding: "it holds \(kind)"),
                Part(name: "\(name)-half", place: own, sectors: 8_192), Part(name: "\(name)-lost", place: copy, sectors: 16_384),
                Part(name: "\(name)-bad", place: own, sectors: 16_384, bad: superblock),
            ]
        }
        try await directory.script("truncate -s $((\(end) * 512)) corpus.img")
        let drive = "-drive file=\(directory.file("corpus.img")),format=raw,if=none,id=c -device virtio-blk-pci,drive=c,serial=corpus"
        let modules = ["dm_mod", "raid1"].flatMap { ["--module", $0] }
        try await withMachine(["--store", "none", "--ephemeral", "--qemu-opts", drive] + modules, in: directory) { machine in
            try await machine.waitUntilReady()
            try await bring("dmsetup mdadm lvm", to: machine)
            // The arrays, and of each a copy without its superblock.
            _ = try await machine.output(
                of: """
                    set -e; cd /tmp; export MDADM_NO_UDEV=1
                    for disk in /sys/block/vd*; do if [ $(cat $disk/serial) = corpus ]; then echo /dev/${disk##*/} > disk; fi; done
                    disk=$(cat disk)
                    while read version own copy superblock; do
                      echo 0 16384 linear $disk $own | dmsetup --noudevrules --noudevsync create array
                      part=/dev/dm-$(dmsetup info -c --noheadings -o minor array)
                      if [ $version = lvm ]; then
                        lvm vgcreate --yes --config 'devices { obtain_device_list_from_udev=0 } activation { udev_sync=0 udev_rules=0 }' vg $part
                        sync
                      else
                        mdadm --create /dev/md127 --run --metadata=$version --level=1 --raid-devices=2 $part missing < /dev/null
                        echo "somebody's" | dd of=/dev/md127 bs=512 seek=100 conv=notrunc
                        sync; mdadm --stop /dev/md127
                      fi
                      dd if=$part of=$disk bs=512 seek=$copy count=16384 conv=notrunc
                      dd if=/dev/zero of=$disk bs=512 seek=$(($copy + $superblock)) count=8 conv=notrunc
                      dmsetup --noudevrules --noudevsync remove array
                    done <<'END'
                    \(arrays)END
                    sync
                    """)
            let before = try await checksums(in: directory)
            let answer = try await machine.output(
                of: """
                    disk=$(cat /tmp/disk)
                    while read name table; do
                      echo $table | sed "s,DISK,$disk,g; y/,;/ \\n/" | dmsetup --noudevrules --noudevsync create $name
                      echo vm.disk=/dev/dm-$(dmsetup info -c --noheadings -o minor $name) vm.hostfs=none > /tmp/cmdline
                      mount --bind /tmp/cmdline /proc/cmdline
                      vm-agent post-device > /tmp/said 2>&1; code=$?
                      umount /proc/cmdline
                      echo "$name $code $(cat /tmp/said)" | tr '\\n' ' '; echo
                    done <<'END'
                    \(parts.map(\.line).joined(separator: "\n"))
                    END
                    """)
            let lines = answer.split(separator: "\n").map(String.init)
            #expect(lines.count == parts.count, "\(answer)")
            for (part, line) in zip(parts, lines) {
                #expect(line.hasPrefix("\(part.name) 1 ") && line.contains("not touched") && line.contains(part.finding), "\(line)")
            }
            try await directory.script("sync corpus.img")
            #expect(try await checksums(in: directory) == before)
        }
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
