import ControlProtocol
import Foundation
import Testing

// The demo share is left out: these boots are about the disk, and are faster without it.
@Suite(.tellsStory) struct DiskTests {
    @Test func theFirstBootFormatsAndTheSecondKeepsWhatTheFirstWrote() async throws {
        let directory = try VMDirectory()
        let first = try await boot(in: directory, "echo kept > /root/file; exit 3")
        #expect(first.code == 3, "a command's exit code is vm run's own: \(first)")
        #expect(first.errors.contains("/dev/vda was empty: made ext4"), "\(first)")

        let second = try await boot(in: directory, "cat /root/file")
        #expect(second.code == 0, "\(second)")
        #expect(second.text == "kept\n")
        #expect(second.errors.contains("/dev/vda holds ext4: kept"), "\(second)")
        await directory.expectNothingLeft()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["guest.qcow2"])
    }

    @Test func mkfsOnTheKernelCommandLineChoosesExt3() async throws {
        let directory = try VMDirectory()
        // An empty disk of which the host does not know that it is empty is read from end to end before it is formatted.
        _ = try await directory.script("qemu-img create -q -f qcow2 guest.qcow2 256M; qemu-io -c 'write -P 0 200M 64k' guest.qcow2")
        let run = try await boot(in: directory, "true", options: ["--append", "vm.mkfs=ext3"])
        #expect(run.code == 0, "\(run)")
        #expect(run.errors.contains("/dev/vda was empty: made ext3"), "\(run)")
        let type = try await directory.script("qemu-img convert -O raw guest.qcow2 raw; blkid -p -o value -s TYPE raw")
        #expect(type.lines == ["ext3"])
        await directory.expectNothingLeft()
    }

    /// QEMU is killed at random moments of a first boot: few times here, as often as one likes with VM_POWER_CUTS.
    @Test func aPowerCutInTheFirstBootCostsNeitherTheDiskNorAFile() async throws {
        let directory = try VMDirectory()
        let cuts = ProcessInfo.processInfo.environment["VM_POWER_CUTS"].flatMap { Int($0) } ?? 4
        var lines: [String] = []
        for _ in 0..<cuts {
            // After the network the disk is formatted: most cuts fall there.
            let step = ["", "load-modules", "network", "network", "network", "format-empty-disk"].randomElement() ?? ""
            let delay = String(Double.random(in: 0...0.4))
            lines.append(try await MachineSlots.withSlot { try await powerCut(after: step, delay, in: directory) })
        }
        if cuts > 4 { print(Dictionary(grouping: lines) { $0 }.map { "power cuts: \($0): \($1.count)" }.sorted().joined(separator: "\n")) }
        await directory.expectNothingLeft()
    }

    /// Gives a line on how far the first boot came and what the second did with the disk.
    private func powerCut(after step: String, _ delay: String, in directory: VMDirectory) async throws -> String {
        let run = "\"\(Checkout.vm)\" run --verbose --name guest --store none --kernel \(Checkout.kernel) --modules \(Checkout.modules)"
        let script = """
            rm -f guest.qcow2
            \(run) -- sh -c 'echo kept > /root/file; sync; echo written' > first 2> log & run=$!
            for try in $(seq 1000); do grep -q " \(step)" log && break; sleep 0.02; done
            sleep \(delay)
            machine=$(pgrep -f "qemu-system-x86_64 -name guest .*$PWD/guest.qcow2" || true)
            [ -z "$machine" ] || kill -KILL $machine
            wait $run || true
            \(run) -- sh -c 'cat /root/file 2>/dev/null; echo booted' > second 2>> log || { cat log >&2; exit 1; }
            grep -q booted second
            ! grep -q written first || grep -q kept second || { cat log >&2; exit 1; }
            echo $(cat first) $(grep -oE 'was empty|holds ext4|was cut off' log | tail -1)
            rm -f first second log
            """
        return try await directory.script(script).lines.joined()
    }

    @Test(arguments: UnknownDisk.allCases)
    func aDiskWithAnythingUnknownOnItIsNeverTouched(_ content: UnknownDisk) async throws {
        let directory = try VMDirectory()
        let disk = directory.file("data.img")
        try Data(content.bytes).write(to: URL(fileURLWithPath: disk))
        try await withMachine(["--store", "none", "--disk", disk], in: directory) { machine in
            let status = try await machine.waitUntil("to fail") { $0.state == .failed || $0.state == .ready }
            #expect(status.state == .failed)
            #expect(status.detail.hasPrefix("format-empty-disk: /dev/vda is neither empty nor a filesystem"), "\(status.detail)")

            // It is entered all the same: the root is still the initrd's.
            let session = try await machine.socat("ls /init && echo $((6 * 7))\n")
            #expect(session.lines == ["/init", "42"], "\(session)")
            let listing = try await directory.vm(["ps"]).run()
            #expect(listing.text.contains("guest: failed: format-empty-disk: /dev/vda"), "\(listing)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: disk)) == Data(content.bytes), "the disk has been written to")
        await directory.expectNothingLeft()
    }

    /// Disks that no library knows and that are nevertheless somebody's.
    enum UnknownDisk: CaseIterable {
        case noise
        case zerosButForTheLastByte

        var bytes: [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 8 << 20)
            switch self {
            case .zerosButForTheLastByte: bytes[bytes.count - 1] = 1
            case .noise:
                var state: UInt64 = 0x9E37_79B9_7F4A_7C15
                for index in bytes.indices {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    bytes[index] = UInt8(truncatingIfNeeded: state >> 56)
                }
            }
            return bytes
        }
    }

    private func boot(in directory: VMDirectory, _ script: String, options: [String] = []) async throws -> ProgramResult {
        try await MachineSlots.withSlot {
            try await directory.vmRun(["--store", "none"] + options, command: ["sh", "-c", script], name: "guest").run()
        }
    }
}
