import ControlProtocol
import Foundation
import Testing

/// What is wrong with `init=`, the modules, fw_cfg and the kernel command line.
@Suite(.tellsStory) struct InitFaultTests {
    /// A disk with a root filesystem that has these files.
    private func disk(_ files: [(name: String, text: String, mode: Int)], in directory: VMDirectory) async throws -> String {
        let folder = try TemporaryFolder()
        try folder.makeDirectory("root")
        for file in files { try folder.write("root/\(file.name)", file.text, mode: file.mode) }
        try await directory.script("truncate -s 64M root.img; mkfs.ext4 -q -d \(folder.file("root")) root.img")
        return directory.file("root.img")
    }

    @Test(arguments: [
        ("#!/run/vm-agent/bin/sh\n", 0o644, "Permission denied", "chmod +x"),
        ("#!/nowhere/sh\n", 0o755, "No such file or directory", "not the interpreter that its first line"),
        ("neither\n", 0o755, "Exec format error", "neither a program for this machine nor a script"),
    ])
    func anInitThatCannotBeExecutedSaysWhyAndCanBeMended(text: String, mode: Int, cause: String, way: String) async throws {
        let directory = try VMDirectory()
        let disk = try await disk([("init", text, mode)], in: directory)
        try await withMachine(["--store", "none", "--disk", disk, "--append", "init=/init"], in: directory) { machine in
            let status = try await machine.waitUntilFailed()
            #expect(status.detail.hasPrefix("enter-init: cannot execute init=/init: \(cause)"), "\(status.detail)")
            #expect(status.detail.contains(way), "\(status.detail)")
        }
        await directory.expectNothingLeft()
    }

    /// Linux panics when PID 1 ends; QEMU ends with it, and `vm run` says what happened.
    @Test(arguments: [("exit 3", "exitcode=0x00000300"), ("kill -SEGV $$", "exitcode=0x0000000b")])
    func anInitThatEndsIsAPanicWithItsExitCode(script: String, code: String) async throws {
        let directory = try VMDirectory()
        let text = "#!/run/vm-agent/bin/sh\necho 'init was here' > /dev/console; sleep 1; trap - SEGV; \(script)\n"
        // A shell that PID 1 is cannot kill itself by a signal that it does not handle; another program's fault can.
        let crash = script.hasPrefix("kill") ? "#!/run/vm-agent/bin/sh\necho 'init was here' > /dev/console; sleep 1\nexec /crash\n" : text
        let directoryDisk = try await disk([("init", crash, 0o755)], in: directory)
        if script.hasPrefix("kill") { try await addCrashingProgram(to: directoryDisk, in: directory) }
        let options = ["--store", "none", "--disk", directoryDisk, "--append", "init=/init"]
        let result = try await MachineSlots.withSlot { try await directory.vmRun(options, name: "guest").run() }
        #expect(result.code == 255, "\(result)")
        #expect(result.errors.contains("vm: guest: the guest's kernel panicked: Attempted to kill init! \(code)"), "\(result)")
        #expect(result.errors.contains("init was here"), "\(result)")
        await directory.expectNothingLeft()
    }

    /// A static program of one instruction, which no machine has: `ud2`.
    private func addCrashingProgram(to disk: String, in directory: VMDirectory) async throws {
        try await directory.script(
            """
            printf '.globl _start\\n_start: movl $0, 0\\n' > crash.s; as -o crash.o crash.s; ld -o crash crash.o
            debugfs -w -R 'write crash crash' \(disk) > /dev/null 2>&1
            debugfs -w -R 'set_inode_field crash mode 0100755' \(disk) > /dev/null 2>&1; rm crash crash.s crash.o
            """)
    }

    // MARK: Modules

    /// Builds an initrd whose list of modules, or one of them, is another.
    private func initrd(_ additions: [String], in directory: VMDirectory) async throws -> String {
        let build = ["initrd", "build", "--modules", Checkout.modules, "--output", "other.img"] + additions.flatMap { ["--add", $0] }
        let result = try await directory.vm(build).run()
        #expect(result.code == 0, "\(result)")
        return "other.img"
    }

    @Test func aModuleThatIsMissingOrRefusedIsAWarningAndWhatItDrivesIsMissed() async throws {
        let directory = try VMDirectory()
        _ = try await initrd([], in: directory)
        let list = try await directory.script("zstd -qdc other.img | cpio -i --quiet --to-stdout lib/modules/order 2>/dev/null")
        let entropy = try #require(list.lines.first { $0.contains("virtio-rng") || $0.contains("virtio_rng") })
        let drive = try #require(list.lines.first { $0.contains("virtio_blk") })
        let order = list.lines.map { $0 == drive ? "no/such_module.ko" : $0 }.joined(separator: "\n") + "\n"
        let orderFile = try directory.privateFile("order", Array(order.utf8))
        let garbage = try directory.privateFile("garbage", Array("no module".utf8))
        let image = try await initrd(["\(orderFile):/lib/modules/order", "\(garbage):/lib/modules/\(entropy)"], in: directory)
        try await withMachine(["--store", "none", "--initrd", image], in: directory) { machine in
            let status = try await machine.waitUntilFailed()
            let warning = try #require(status.warnings.first)
            for word in ["load-modules: ", "no/such_module.ko: No such file", "\(entropy): Exec format error", "are they of this kernel?"] {
                #expect(warning.contains(word), "\(warning)")
            }
            #expect(status.detail.hasPrefix("format-empty-disk: waited 10 s for the disk (/dev/vda)"), "\(status.detail)")
            #expect(status.detail.contains("its driver in the initrd"))
        }
        await directory.expectNothingLeft()
    }

    // MARK: fw_cfg

    /// Without a token the proxy does not let the guest in: the run is given up, and says so.
    @Test func withoutFirmwareEntriesTheLinkIsRefusedAndTheRunSaysWhy() async throws {
        let directory = try VMDirectory()
        let options = ["--store", "none", "--boot-timeout", "20", "--append", "initcall_blacklist=fw_cfg_sysfs_init"]
        let result = try await MachineSlots.withSlot { try await directory.vmRun(options, command: ["true"], name: "guest").run() }
        #expect(result.code == 255, "\(result)")
        #expect(result.errors.contains("guest has no link after 20 s: its agent was refused: "), "\(result)")
        await directory.expectNothingLeft()
    }

    // MARK: The kernel command line

    @Test func aCommandLineAsLongAsTheKernelTakesIsObeyedToItsLastQuote() async throws {
        let directory = try VMDirectory()
        // Shorter than the limit by all that `vm run` adds.
        let filler = "filler=\"" + String(repeating: "two words ", count: 160) + "\""
        let run = directory.vmRun(
            ["--store", "none", "--append", filler, "--append", "vm.on-failure=\"reboot\" last=\"a b\""],
            command: ["cat", "/proc/cmdline"],
            name: "guest")
        let result = try await MachineSlots.withSlot { try await run.run() }
        #expect(result.code == 0, "\(result)")
        #expect(result.output.count > 1_700 && result.text.hasSuffix("last=\"a b\"\n"), "\(result)")
        let longer = try await directory.vmRun(
            ["--store", "none", "--append", filler + filler + filler], command: ["true"], name: "guest", isVerbose: false
        ).run()
        #expect(longer.code == 255, "\(longer)")
        #expect(longer.errors.contains("the kernel takes 2047, and with more it stops before its first line"), "\(longer)")
        await directory.expectNothingLeft()
    }

    /// 4,096 bytes, handed to QEMU behind the back of `vm`.
    @Test func aKernelWithALongerCommandLineNeverConnects() async throws {
        let directory = try VMDirectory()
        let words = "console=ttyS0 quiet panic=-1 net.ifnames=0 vm.hostfs=none filler="
        let line = words + String(repeating: "\"two words\" ", count: 400).prefix(4_096 - words.utf8.count)
        #expect(line.utf8.count == 4_096)
        let options = ["--store", "none", "--boot-timeout", "15", "--qemu-opts", "-append \"\(line.replacing("\"", with: "\\\""))\""]
        let result = try await MachineSlots.withSlot { try await directory.vmRun(options, command: ["true"], name: "guest").run() }
        #expect(result.code == 255, "\(result)")
        #expect(result.errors.contains("vm: guest has not connected within 15 s"), "\(result)")
        #expect(!result.errors.contains("Linux version"), "\(result)")
        await directory.expectNothingLeft()
    }
}
