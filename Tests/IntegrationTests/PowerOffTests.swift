import ControlProtocol
import Foundation
import Testing

/// The ends of a VM that leave its disk as a file system should be left.
@Suite(.tellsStory) struct PowerOffTests {
    @Test func theSystemsInitIsAskedToPowerOff() async throws {
        try await expectCleanEnd(["--system", Checkout.system, "--writable-store"])
    }

    @Test func theAgentPowersOffWhereThereIsNoInit() async throws {
        try await expectCleanEnd(["--store", "none"])
    }

    /// Init that does nothing when it is asked: the agent does it after 30 s.
    @Test func anInitThatDoesNotPowerOffIsNotWaitedForForEver() async throws { try await expectCleanEnd(init: "trap : USR2") }

    /// Init that cannot be asked, as one that began a moment ago.
    @Test func anInitThatCannotBeAskedIsNotWaitedFor() async throws { try await expectCleanEnd(init: ":") }

    /// Ends a VM whose init does this first, and then nothing, with a file open for writing.
    private func expectCleanEnd(init first: String) async throws {
        let directory = try VMDirectory()
        let make = """
            mkdir root; printf '#!/run/vm-agent/bin/sh\\nexec 9>>/held; \(first)\\nwhile :; do sleep 1000 & wait $!; done\\n' > root/init
            chmod +x root/init; truncate -s 64M root.img; mkfs.ext4 -q -d root root.img; rm -r root
            """
        try await directory.script(make)
        let options = ["--store", "none", "--disk", directory.file("root.img"), "--append", "init=/init"]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            try await eventually("init to be the guest's own") { try await machine.output(of: "cat /proc/1/cmdline").contains("/init") }
            _ = try await machine.output(of: "seq 100000 > /numbers")
            let down = try await directory.vm(["down", "--timeout", "120", machine.name]).run()
            #expect(down.code == 0 && down.errors == "", "\(down)")
            #expect(try await machine.launcher.waitForEnd() == 0)
        }
        let header = try await directory.script("dumpe2fs -h root.img 2>/dev/null; e2fsck -fn root.img >&2")
        #expect(!header.text.contains("needs_recovery"), "\(header)")
        await directory.expectNothingLeft()
    }

    /// Without a link the guest cannot be asked: its power button is pressed, and its VM is ended soon.
    @Test func aGuestThatCannotBeAskedHasItsPowerButtonPressedAndIsEnded() async throws {
        let directory = try VMDirectory()
        try await withMachine(["--store", "none", "--append", "initcall_blacklist=fw_cfg_sysfs_init"], in: directory) { machine in
            _ = try await machine.waitUntil("to have a process") { $0.pid != nil }
            let (down, _) = try await machine.powerOff()
            #expect(down.code == 0, "\(down)")
            #expect(down.errors.contains("vm: guest has no link to be asked over; pressing its power button"), "\(down)")
            #expect(down.errors.contains("vm: guest does not power off; ending it"), "\(down)")
        }
        await directory.expectNothingLeft()
    }

    /// A QEMU that does nothing, and may not be killed by whoever did not start it.
    @Test func aQEMUThatIsStoppedIsToldAsStillRunning() async throws {
        try await withMachine(["--store", "none", "--ephemeral"]) { machine in
            let status = try await machine.waitUntilReady()
            let process = try #require(status.pid)
            kill(process, SIGSTOP)
            let down = try await machine.directory.vm(["down", "--timeout", "1", machine.name]).run()
            kill(process, SIGCONT)
            #expect(down.code == 255, "\(down)")
            #expect(down.errors.contains("vm: guest has not powered off within 1 s; pressing its power button"), "\(down)")
            #expect(down.errors.contains("vm: cannot press the power button of guest: QEMU did not answer in time"), "\(down)")
            #expect(down.errors.contains("vm: still running: guest; see 'vm ps' for their processes"), "\(down)")
        }
    }

    /// An agent that is stopped cannot be asked, and QEMU is ended instead.
    @Test func aLauncherThatIsToldToEndEndsAGuestThatCannotBeAsked() async throws {
        try await withMachine(["--store", "none", "--root", "tmpfs"]) { machine in
            try await machine.waitUntilReady()
            let agent = try await machine.agent()
            _ = try await machine.sh("(sleep 1; kill -STOP \(agent)) > /dev/null 2>&1 &")
            try await Task.sleep(for: .seconds(3))
            machine.launcher.signal(SIGTERM)
            _ = try await machine.launcher.waitForEnd()
            let said = machine.launcher.errors
            #expect(said.contains("vm: guest cannot be asked to power off: "), "\(said)")
        }
    }

    /// A QEMU that stays when its guest has powered off.
    @Test func aLauncherDoesNotWaitForEverForAVMToEnd() async throws {
        try await withMachine(["--store", "none", "--root", "tmpfs", "--qemu-opts", "-no-shutdown"]) { machine in
            try await machine.waitUntilReady()
            machine.launcher.signal(SIGTERM)
            _ = try await machine.launcher.waitForEnd()
            let said = machine.launcher.errors
            #expect(said.contains("vm: guest has not powered off within \(GuestStatus.powerOffPatience) s; ending it"), "\(said)")
        }
    }

    private func expectCleanEnd(_ options: [String]) async throws {
        let directory = try VMDirectory()
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            // Something to lose: written, not synced, and a process that holds the file open.
            _ = try await machine.output(of: "seq 100000 > /root/numbers; (exec 9>> /root/held; sleep 1000) > /dev/null 2>&1 &")
            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0, "\(down)")
            #expect(down.errors == "")
            #expect(code == 0)
        }
        await directory.expectNothingLeft()

        try await directory.script("qemu-img convert -O raw guest.qcow2 raw")
        let header = try await directory.script("dumpe2fs -h raw 2>/dev/null")
        #expect(header.lines.contains { $0.hasPrefix("Filesystem state:") && $0.hasSuffix(" clean") }, "\(header)")
        #expect(!header.text.contains("needs_recovery"), "\(header)")
        let numbers = try await directory.script("e2fsck -fn raw >&2; debugfs -R 'cat /root/numbers' raw 2>/dev/null")
        #expect(numbers.lines == (1...100_000).map(String.init))
    }
}
