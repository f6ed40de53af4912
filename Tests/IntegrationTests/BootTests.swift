import ControlProtocol
import Foundation
import LinuxSystem
import Testing

/// Before the guest has booted.
@Suite(.tellsStory) struct BootTests {
    @Test func aConnectionThatComesBeforeTheGuestWaitsForItAndIsServed() async throws {
        try await withMachine(["--store", "none"]) { machine in
            let status = try await machine.waitUntil("to have a process") { $0.pid != nil }
            let process = try #require(status.pid)
            // Stopped, it cannot boot before the connection is made.
            kill(process, SIGSTOP)
            defer { kill(process, SIGCONT) }
            let early = try await machine.status()?.state
            try #require(early == .waiting || early == .booting, "it was faster than this test")

            let shell = try RunningProgram(machine.directory.socat(machine.socket, input: "echo served by $(cat /proc/1/comm)\n"))
            let command = try RunningProgram(machine.directory.vm(["exec", machine.name, "--", "echo", "served, too"]))
            try await eventually("socat to be connected") { try connections(to: machine.socket) == 1 }
            #expect(shell.code == nil && command.code == nil)

            kill(process, SIGCONT)
            #expect(try await shell.waitForEnd() == 0)
            #expect(String(decoding: shell.output, as: UTF8.self) == "served by init\n")
            #expect(try await command.waitForEnd() == 0)
            #expect(String(decoding: command.output, as: UTF8.self) == "served, too\n")
            // It was the boot that was waited for, and not the link alone.
            #expect(try await machine.status()?.state == .ready)
        }
    }

    /// How many connections there are to the socket at `path` (`/proc/net/unix`): each has the listener's path, as it has.
    private func connections(to path: String) throws -> Int {
        // Foundation takes the first 4 KiB of it for all.
        let sockets = String(decoding: try Files.read("/proc/net/unix", limit: 16 << 20), as: UTF8.self).split(separator: "\n")
        return sockets.count { $0.hasSuffix(" \(path)") } - 1
    }

    @Test func aBootThatFailsCanBeEnteredBeforeAndAfterItsFailure() async throws {
        try await withMachine(["--store", "none", "--append", "vm.disk=/dev/vdz"]) { machine in
            try await eventually("the proxy to know the guest") { try await machine.status() != nil }
            // The link is up before the disk is looked for, which takes its time here.
            let early = try await machine.exec(["sh", "-c", "test -x /init && cat /proc/1/comm; echo $PATH"], options: ["--now"])
            #expect(early.code == 0, "\(early)")
            #expect(early.lines.first == "init")
            #expect(early.lines.last?.hasSuffix("/run/vm-agent/bin") == true)

            let status = try await machine.waitUntil("to fail") { $0.state == .failed }
            #expect(status.detail.hasPrefix("format-empty-disk: waited 10 s for the disk (/dev/vdz)"), "\(status.detail)")
            #expect(status.steps.last?.name == "format-empty-disk" && status.steps.last?.state == .failed)
            #expect(machine.launcher.errors.contains("format-empty-disk failed: waited 10 s for the disk (/dev/vdz)"), "on the console")
            #expect(machine.launcher.errors.contains("failed: guest: format-empty-disk: waited 10 s"), "among vm run's steps")
            #expect(try await machine.socat("ls -d /init /lib/modules\n").lines == ["/init", "/lib/modules"])

            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0, "\(down)")
            #expect(code == 0)
        }
    }

    @Test func aCommandIsNotRunAfterABootThatFailed() async throws {
        let directory = try VMDirectory()
        let result = try await MachineSlots.withSlot {
            try await directory.vmRun(
                ["--store", "none", "--append", "init=/nonexistent"], command: ["echo", "must not run"], name: "guest"
            ).run()
        }
        #expect(result.code == 255, "\(result)")
        #expect(result.output == [])
        #expect(result.errors.contains("vm: the boot of guest failed: enter-init: cannot execute init=/nonexistent"), "\(result)")
        await directory.expectNothingLeft()
    }

    @Test func aCommandThatComesBeforeItsVMWaitsForIt() async throws {
        let directory = try VMDirectory()
        // The first run fills the caches; the second is the one that is just starting.
        let script = """
            run() { "$0" run --quiet --name early --ephemeral --store none --kernel \(Checkout.kernel) --modules \(Checkout.modules) "$@"; }
            run -- true
            run & run=$!
            trap 'kill $run' EXIT
            "$0" exec early -- echo early bird
            "$0" down early
            wait $run
            trap - EXIT
            """
        let result = try await MachineSlots.withSlot { try await directory.script(script, argument: Checkout.vm) }
        #expect(result.text == "early bird\n", "\(result)")
        await directory.expectNothingLeft()
    }
}
