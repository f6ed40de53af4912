import Foundation
import Testing

/// VMs that boot through a boot loader, by UEFI, and with a TPM.
@Suite(.tellsStory) struct BootLoaderTests {
    /// A cache of the test's own, so that its boot disk is made in the test.
    private static func cache(_ directory: VMDirectory) throws -> [String: String?] {
        let file = try directory.privateFile("cache/.keep", [UInt8]())
        return ["XDG_CACHE_HOME": (file as NSString).deletingLastPathComponent]
    }

    private static func bootDisks(_ environment: [String: String?]) throws -> [String] {
        let directory = (environment["XDG_CACHE_HOME"] ?? nil).map { "\($0)/vm-agent" } ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return try names.filter { $0.hasPrefix("boot-") }.map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
            return "\(name) \(attributes[.systemFileNumber] ?? 0)"
        }
    }

    /// A wait of its own: a VM is booted for it.
    private static func waitUntilMade(_ machine: Machine, _ environment: [String: String?]) async throws {
        try await eventually("the boot disk to be made") {
            if let code = machine.launcher.code { throw MachineIsGone(name: "guest", awaited: "to have its boot disk made", code: code) }
            return try bootDisks(environment).contains { $0.contains(".img ") }
        }
    }

    @Test func throughGrubTheRegistrationArrivesThoughTheCommandLineIsTheSameEachTime() async throws {
        let directory = try VMDirectory()
        let environment = try Self.cache(directory)
        let options = ["--boot-loader", "--system", Checkout.system, "--writable-store", "--empty-disk", "8M"]
        let first = try await withMachine(options, in: directory, environment: environment) { machine in
            try await Self.waitUntilMade(machine, environment)
            try await machine.waitUntilReady()
            let host = try await directory.script("nix-store -q --references \(Checkout.system)")
            let guest = try await machine.exec(["nix-store", "-q", "--references", Checkout.system])
            #expect(guest.code == 0 && !guest.lines.isEmpty, "\(guest)")
            #expect(guest.lines.sorted() == host.lines.sorted())

            let words = try await machine.output(of: "cat /proc/cmdline").split(separator: " ")
            #expect(words.first == "BOOT_IMAGE=/vmlinuz" && words.last == "vm.parameters=fw_cfg", "\(words)")
            for name in ["regInfo", "init", "hostname", "vm.hostfs"] { #expect(!words.contains { $0.hasPrefix("\(name)=") }, "\(words)") }
            let identity = try await machine.output(of: "hostname; tr '\\0' ' ' </proc/1/cmdline")
            #expect(identity.hasPrefix("guest\n") && identity.contains("\(Checkout.system)/init"), "\(identity)")
            // The root is the first disk all the same, and what the guest does to its /boot is its own.
            let script = """
                grep -E '^/dev/vd[^ ]* (/|/boot) ' /proc/mounts | cut -d' ' -f1-3; ls /boot/vmlinuz /boot/initrd /boot/grub/grub.cfg
                rm /boot/vmlinuz; sync; echo removed
                """
            let mounts = try await machine.output(of: script).split(separator: "\n")
            #expect(
                mounts == [
                    "/dev/vda / ext4", "/dev/vdc2 /boot ext4", "/boot/grub/grub.cfg", "/boot/initrd", "/boot/vmlinuz", "removed",
                ])
            return try Self.bootDisks(environment)
        }
        #expect(first.count == 1 && first.first?.contains(".img ") == true, "\(first)")

        // Another VM, with another root and without a store, boots from the same disk.
        try await MachineSlots.withSlot {
            let script = "hostname; grep -c ' /boot ' /proc/mounts; ls /boot/vmlinuz"
            var run = directory.vmRun(
                ["--boot-loader", "--root", "tmpfs", "--store", "none"], command: ["sh", "-c", script], name: "other")
            run.environment.merge(environment) { $1 }
            let result = try await run.run()
            #expect(result.text == "other\n1\n/boot/vmlinuz\n", "\(result)")
            #expect(result.code == 0)
        }
        #expect(try Self.bootDisks(environment) == first)
        await directory.expectNothingLeft()
    }

    @Test func byUEFIGrubBootsToo() async throws {
        let directory = try VMDirectory()
        let environment = try Self.cache(directory)
        let options = ["--boot-loader", "--efi", "--root", "tmpfs", "--store", "none"]
        try await withMachine(options, in: directory, environment: environment) { machine in
            try await Self.waitUntilMade(machine, environment)
            try await machine.waitUntilReady()
            let words = try await machine.output(
                of: "ls -d /sys/firmware/efi; cat /proc/cmdline; grep -o '/dev/vd[^ ]* /boot' /proc/mounts")
            #expect(words.hasPrefix("/sys/firmware/efi\nBOOT_IMAGE=/vmlinuz "), "\(words)")
            #expect(words.hasSuffix(" vm.parameters=fw_cfg\n/dev/vda2 /boot"), "\(words)")
        }
        await directory.expectNothingLeft()
    }

    @Test func byUEFIWithoutABootLoaderThereIsATPM() async throws {
        try await withMachine(["--efi", "--tpm", "--root", "tmpfs", "--store", "none"]) { machine in
            try await machine.waitUntilReady()
            let script = "ls -d /sys/firmware/efi /dev/tpm0; cat /sys/class/tpm/tpm0/tpm_version_major; grep -c ' /boot ' /proc/mounts"
            #expect(try await machine.sh(script).text == "/dev/tpm0\n/sys/firmware/efi\n2\n0\n")
            // swtpm ends with QEMU, which is no fault of it.
            #expect(try await machine.powerOff().runCode == 0)
            #expect(!machine.launcher.errors.contains("has ended"), "\(machine.launcher.errors)")
        }
    }

    @Test func aBootDiskThatCannotBeMadeIsNotKeptAndTheReasonIsTold() async throws {
        let directory = try VMDirectory()
        var environment = try Self.cache(directory)
        // The VM that makes it has this machine's programs, and its path.
        let tool = try directory.privateFile("bin/sfdisk", "#!/bin/sh\necho no partitions today >&2\nexit 1\n".utf8, mode: 0o755)
        environment["PATH"] = (tool as NSString).deletingLastPathComponent + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
        try await MachineSlots.withSlot {
            var run = directory.vmRun(["--boot-loader", "--ephemeral"], command: ["true"], name: "guest", isVerbose: false)
            run.environment.merge(environment) { $1 }
            let result = try await run.run()
            #expect(result.code == 255)
            #expect(result.errors.contains("the boot disk could not be made, in a VM of its own:\nno partitions today"), "\(result)")
        }
        #expect(try Self.bootDisks(environment).isEmpty)
        await directory.expectNothingLeft()
    }

    @Test func aWordThatGrubWouldChangeIsRefusedBeforeAnythingIsMade() async throws {
        let directory = try VMDirectory()
        let result = try await directory.vmRun(
            ["--boot-loader", "--ephemeral", "--store", "none", "--append", "it's"], command: ["true"], name: "guest", isVerbose: false
        ).run()
        #expect(result.code == 255)
        #expect(result.errors.contains("--boot-loader cannot pass it's on"), "\(result)")
        await directory.expectNothingLeft()
    }
}
