import ControlProtocol
import Foundation
import Testing

/// What cannot work is said once, with its cause, before anything is started; the exit code is 255, or 64 for wrong usage.
@Suite(.tellsStory) struct BadInputTests {
    @Test(arguments: [
        (["--kernel", "/nowhere/vmlinuz"], "no such kernel: /nowhere/vmlinuz"),
        (["--store", "/nowhere"], "no such share directory: /nowhere; give --store a directory, or 'none'"),
        (["--store", "/etc/hostname"], "cannot share /etc/hostname: it is not a directory"),
        (["--disk", "/tmp"], "cannot use /tmp as a disk: it is a directory"),
        (["--disk", "/nowhere/disk"], "cannot make the disk /nowhere/disk: there is no directory /nowhere"),
        (["--module", "nosuch"], "nosuch"),
        (["--modules", "/nowhere"], "/nowhere"),
        (["--system", "/nowhere/system"], "--system /nowhere/system is not in the store"),
        (["--system", "/nix/store/nothing"], "--system /nix/store/nothing: there is no /nix/store/nothing"),
        (["--register", "/nowhere"], "--register /nowhere: it is neither a path in the store nor a file with a registration"),
        (["--initrd", "/nowhere/initrd"], "cannot read the initrd /nowhere/initrd"),
        (["--directory", "/nowhere"], "/nowhere"),
        (["--qemu-opts", "-nonsense"], "-nonsense: invalid option"),
    ])
    func isRefusedWithItsCause(options: [String], cause: String) async throws {
        let result = try await refused(options)
        #expect(result.code == 255, "\(result)")
        #expect(result.errors.contains(cause), "\(result)")
    }

    @Test func aPingOfWhatIsNotThereOrWithoutMeaningSaysSo() async throws {
        let directory = try VMDirectory()
        let nobody = try await directory.vm(["ping", "nobody"]).run()
        #expect(nobody.code == 255)
        #expect(nobody.errors.contains("no vm-proxy answers"), "\(nobody)")
        for (option, word, cause) in [
            ("--count", "0", "--count is from 1 to 1000000"), ("--size", "0", "--size is from 1 to 67108864 bytes"),
            ("--interval", "soon", "--interval 'soon' is no time: 0, 500ms, 2s"), ("--timeout", "never", "--timeout"),
        ] {
            let refused = try await directory.vm(["ping", option, word, "nobody"]).run()
            #expect(refused.code == 64, "\(option): \(refused)")
            #expect(refused.errors.contains(cause), "\(refused)")
        }
    }

    @Test(arguments: [
        ["--nonsense"], ["--memory", "much"], ["--memory", "1"], ["--cores", "0"], ["--boot-timeout", "0"], ["--verbose", "--quiet"],
        ["--ephemeral", "--disk", "x"], ["--accel", "magic"], ["--disk-size", "huge"], ["--initrd", "x", "--module", "y"],
        ["--name", "a/b"],
    ])
    func isWrongUsage(options: [String]) async throws {
        let result = try await refused(options)
        #expect(result.code == 64, "\(result)")
        #expect(result.errors.contains(options[0]), "\(result)")
    }

    /// `vm run` that must not come to run its command.
    private func refused(
        _ options: [String], environment: [String: String?] = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ProgramResult {
        let directory = try VMDirectory()
        var program = directory.vmRun(options, command: ["echo", "must not run"], name: "guest", isVerbose: false)
        program.environment.merge(environment) { $1 }
        let result = try await MachineSlots.withSlot { [program] in try await program.run() }
        #expect(result.output == [], sourceLocation: sourceLocation)
        let own = result.errors.split(separator: "\n").filter { $0.hasPrefix("vm: ") || $0.hasPrefix("Error: ") }
        #expect(own.count == 1, "one message, not several: \(result)", sourceLocation: sourceLocation)
        await directory.expectNothingLeft(sourceLocation: sourceLocation)
        return result
    }

    // MARK: Programs of the host

    @Test func withoutQEMUItsPackageIsNamed() async throws {
        let tools = try TemporaryFolder()
        let nothing = try await refused(["--store", "none"], environment: ["PATH": tools.path])
        #expect(nothing.code == 255)
        #expect(nothing.errors.contains("install the Debian package qemu-"), "\(nothing)")
        for tool in ["qemu-img", "busybox"] { try tools.link(tool, to: "/usr/bin/\(tool)") }
        let onlyTools = try await refused(["--store", "none"], environment: ["PATH": tools.path])
        #expect(onlyTools.code == 255)
        let cause = "cannot find qemu-system-x86_64 in PATH: install the Debian package qemu-system-x86"
        #expect(onlyTools.errors.contains(cause), "\(onlyTools)")
    }

    @Test func withoutSmbdItsPackageIsNamed() async throws {
        // smbd is looked for also where Debian has it; only a mount namespace of its own can hide it there.
        let directory = try VMDirectory()
        let run = directory.vmRun([], command: ["true"], name: "guest")
        let script = "mount --bind /dev/null /usr/sbin/smbd && exec \"$0\" \"$@\""
        var hidden = directory.program("/usr/bin/unshare", ["-rm", "/bin/sh", "-c", script, run.path] + run.arguments)
        hidden.environment["PATH"] = "/usr/bin:/bin"
        let result = try await hidden.run()
        #expect(result.code == 255)
        #expect(result.errors.contains("smbd is not installed; install the Debian package samba"), "\(result)")
        await directory.expectNothingLeft()
    }

    // MARK: Guests

    @Test func whatQEMURefusesIsToldInItsWords() async throws {
        let result = try await refused(["--store", "none", "--qemu-opts", "-drive file=/nowhere"])
        #expect(result.code == 255)
        #expect(result.errors.hasPrefix("vm: guest: QEMU ended with exit code 1\n  QEMU: "), "\(result)")
    }

    @Test func aKernelThatPanicsIsToldWithTheConsolesLastLines() async throws {
        let result = try await refused(["--store", "none", "--append", "rdinit=/nowhere"])
        #expect(result.code == 255)
        #expect(result.errors.contains("vm: guest: the guest's kernel panicked: VFS: Unable to mount root fs"), "\(result)")
        #expect(result.errors.contains("the console's last lines:\n  | "), "\(result)")
    }

    @Test func onFailurePanicIsAPanicWithItsCauseOnTheConsole() async throws {
        let directory = try VMDirectory()
        let run = directory.vmRun(["--store", "none", "--append", "init=/nonexistent vm.on-failure=panic"], name: "guest")
        let result = try await MachineSlots.withSlot { try await run.run() }
        #expect(result.code == 255)
        #expect(result.errors.contains("vm: guest: the guest's kernel panicked: Attempted to kill init!"), "\(result)")
        #expect(result.errors.contains("enter-init failed: cannot execute init=/nonexistent"), "\(result)")
        await directory.expectNothingLeft()
    }

    @Test func aQEMUThatWasKilledIsToldAsThat() async throws {
        try await withMachine(["--store", "none", "--ephemeral"]) { machine in
            let process = try await machine.waitUntil("to have a process") { $0.pid != nil }.pid
            kill(try #require(process), SIGKILL)
            #expect(try await machine.launcher.waitForEnd() == 255)
            let said = machine.launcher.errors
            #expect(said.contains("vm: guest: QEMU was killed by signal 9 (SIGKILL): by a person, or by this machine's kernel"), "\(said)")
        }
    }

    @Test func aQEMUThatHasCrashedIsToldWithItsSignal() async throws {
        try await withMachine(["--store", "none", "--ephemeral"]) { machine in
            let process = try await machine.waitUntil("to have a process") { $0.pid != nil }.pid
            kill(try #require(process), SIGSEGV)
            #expect(try await machine.launcher.waitForEnd() == 255)
            let said = machine.launcher.errors
            #expect(said.contains("vm: guest: QEMU was killed by signal 11 ("), "\(said)")
        }
    }

    @Test func aGuestThatNeverConnectsIsGivenUp() async throws {
        let directory = try VMDirectory()
        let script = "#!/bin/busybox sh\nwhile :; do /bin/busybox sleep 1000; done\n"
        let idle = try directory.privateFile("init", Array(script.utf8), mode: 0o755)
        let build = ["initrd", "build", "--modules", Checkout.modules, "--output", "idle.img", "--add", "\(idle):/init"]
        #expect(try await directory.vm(build).run().code == 0)
        let result = try await refused(["--store", "none", "--initrd", directory.file("idle.img"), "--boot-timeout", "5"])
        #expect(result.code == 255)
        #expect(
            result.errors.contains(
                "vm: guest has not connected within 5 s: its kernel is still starting (give it more time with --boot-timeout), or there is no vm-agent"
            ), "\(result)")
    }
}
