import Foundation
import Glibc
import Testing
import VirtualMachine

// QEMU's place is taken by a shell script: what is tested is the care for a process, whatever it does.
@Suite struct RunningMachineTests {
    @Test func aMachineThatEndsByItselfIsReportedWithItsLastWords() async throws {
        try await withProgram("echo line 1; echo 'bad option' >&2; printf 'Kernel panic - not syncing: x'; exit 3") { machine in
            let (_, end) = try await withRunningMachine(machine) { await $0.waitUntilEnded() }
            #expect(end.status == .exited(3))
            #expect(end.console.lines == ["line 1", "Kernel panic - not syncing: x"])
            #expect(end.console.failure == .panic("x"))
            #expect(end.messages == ["bad option"])
        }
    }

    @Test func aMachineIsGoneWhenItsBodyReturns() async throws {
        try await withProgram("exec sleep 1000") { machine in
            let (process, end) = try await withRunningMachine(machine) { $0.processIdentifier }
            #expect(end.status == .signaled(SIGTERM))
            #expect(kill(process, 0) == -1)
        }
    }

    @Test func aMachineThatIgnoresRequestsIsKilled() async throws {
        try await withProgram("trap '' TERM; echo deaf; while :; do sleep 0.1; done") { machine in
            let heard = AsyncStream<String>.makeStream()
            let (_, end) = try await withRunningMachine(machine, onConsoleLine: { heard.continuation.yield($0) }) { _ in
                for await line in heard.stream where line == "deaf" { break }
            }
            #expect(end.status == .signaled(SIGKILL))
        }
    }

    @Test func aMachineIsGoneWhenItsTaskIsCancelled() async throws {
        try await withProgram("exec sleep 1000") { machine in
            let started = AsyncStream<Int32>.makeStream()
            let task = Task {
                try await withRunningMachine(machine) { running in
                    started.continuation.yield(running.processIdentifier)
                    await running.waitUntilEnded()
                }
            }
            var process: Int32 = 0
            for await identifier in started.stream {
                process = identifier
                break
            }
            task.cancel()
            _ = await task.result
            #expect(process > 1)
            #expect(kill(process, 0) == -1)
        }
    }

    @Test func aMachineHasASessionOfItsOwn() async throws {
        try await withProgram("exec sleep 1000") { machine in
            let (sessions, _) = try await withRunningMachine(machine) { (getsid($0.processIdentifier), $0.processIdentifier) }
            #expect(sessions.0 == sessions.1)
        }
    }

    @Test func aMissingProgramNamesItsPackage() async throws {
        let machine = MachineDescription(name: "a", kernel: "/bin/sh", runtimeDirectory: "/tmp", qemu: "no-such-qemu")
        await #expect(throws: MachineError.programNotFound(program: "no-such-qemu", package: "qemu-system-x86")) {
            try await withRunningMachine(machine) { _ in }
        }
    }

    private func withProgram(_ script: String, _ body: (MachineDescription) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let program = directory + "/qemu"
            try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: program + ".text"))
            // Another test may fork at any moment: a file that this process itself writes could be busy when it is executed.
            let install = Process()
            install.executableURL = URL(fileURLWithPath: "/usr/bin/install")
            install.arguments = ["-m", "700", program + ".text", program]
            try install.run()
            install.waitUntilExit()
            try #require(install.terminationStatus == 0)
            try await body(MachineDescription(name: "a", kernel: "/bin/sh", runtimeDirectory: directory, qemu: program))
        }
    }
}
