import ControlProtocol
import Foundation
import Testing

/// Ctrl-C ends `vm run` in every phase, and nothing is left: `withMachine` looks for processes, sockets and temporary files.
@Suite(.tellsStory) struct InterruptTests {
    @Test func whileTheGuestBoots() async throws {
        try await withMachine(["--store", "none"], leadsGroup: true) { machine in
            _ = try await machine.waitUntil("to have a process") { $0.pid != nil && $0.state != .ready }
            machine.launcher.signalGroup(SIGINT)
            #expect(try await machine.launcher.waitForEnd() == 130)
        }
    }

    @Test func whileTheGuestRuns() async throws {
        try await withMachine(["--store", "none"], leadsGroup: true) { machine in
            try await machine.waitUntilReady()
            machine.launcher.signalGroup(SIGINT)
            #expect(try await machine.launcher.waitForEnd() == 0)
            #expect(machine.launcher.errors.contains("reboot: Power down"), "it was to power off")
        }
    }

    @Test func whileACommandRunsItIsTheCommandThatIsInterrupted() async throws {
        let command = ["sh", "-c", "trap 'echo interrupted; exit 42' INT; echo runs; while :; do sleep 0.1; done"]
        try await withMachine(["--store", "none"], command: command, leadsGroup: true) { machine in
            try await eventually("the command to run") { machine.launcher.output == Array("runs\n".utf8) }
            machine.launcher.signalGroup(SIGINT)
            #expect(try await machine.launcher.waitForEnd() == 42)
            #expect(String(decoding: machine.launcher.output, as: UTF8.self) == "runs\ninterrupted\n")
        }
    }

    @Test func twiceLeavesACommandThatIgnoresIt() async throws {
        let command = ["sh", "-c", "trap '' INT; echo runs; while :; do sleep 0.1; done"]
        try await withMachine(["--store", "none"], command: command, leadsGroup: true) { machine in
            try await eventually("the command to run") { machine.launcher.output == Array("runs\n".utf8) }
            machine.launcher.signalGroup(SIGINT)
            machine.launcher.signalGroup(SIGINT)
            #expect(try await machine.launcher.waitForEnd() == 130)
        }
    }

    @Test(arguments: [SIGTERM, SIGHUP]) func otherSignalsEndARunningVMAsWell(signal: Int32) async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            machine.launcher.signal(signal)
            #expect(try await machine.launcher.waitForEnd() == 0)
        }
    }

    @Test func aLauncherThatIsKilledTakesItsVMWithIt() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            machine.launcher.signal(SIGKILL)
            _ = try await machine.launcher.waitForEnd()
            // The proxy ends the VM, and then itself.
            try await eventually("the VM to end") { machine.directory.processes().isEmpty }
            // Nobody is left to remove the launcher's own files.
            try FileManager.default.contentsOfDirectory(atPath: machine.directory.temporary).forEach {
                try FileManager.default.removeItem(atPath: "\(machine.directory.temporary)/\($0)")
            }
        }
    }
}
