import Foundation
import Testing

/// Sessions that are more than a command with three streams: terminals, time limits, signals, lives of their own.
@Suite(.machine("--store", "none"), .tellsStory) struct SessionTests {
    // MARK: Commands

    @Test func theEnvironmentAndTheDirectoryAreTheClientsToChoose() async throws {
        let options = ["--cwd", "/tmp", "--env", "A=1 2", "-e", "B="]
        let result = try await Machine.shared.exec(["sh", "-c", "pwd; echo \"[$A][$B]\""], options: options)
        #expect(result.text == "/tmp\n[1 2][]\n", "\(result)")
        let missing = try await Machine.shared.exec(["true"], options: ["--cwd", "/no/such"])
        #expect(missing.code == 126)
        #expect(missing.errors == "vm: cannot enter /no/such in the guest: No such file or directory (errno 2)\n")
    }

    @Test func aUserThatTheGuestDoesNotKnowIsRefused() async throws {
        let result = try await Machine.shared.exec(["true"], options: ["--user", "nobody-here"])
        #expect(result.code == 126)
        #expect(result.errors.contains("nobody-here"), "\(result)")
        let number = try await Machine.shared.exec(["id", "-u"], options: ["--user", "1234:99"])
        #expect(number.text == "1234\n", "\(number)")
    }

    @Test func whenItsTimeIsOverNothingOfTheCommandIsLeft() async throws {
        let machine = try Machine.shared
        let result = try await machine.exec(["sh", "-c", "sleep 4321 & sleep 4321"], options: ["--timeout", "500ms"])
        #expect(result.errors.contains("the command's time was over: it was ended, and its process group with it"), "\(result)")
        #expect(result.code == 124, "\(result)")
        #expect(try await machine.sh("ps | grep '[s]leep 4321'").code == 1)
    }

    /// Through the kernel alone, as what a command writes by the megabyte is, and in the middle of which it writes little and is killed.
    @Test func whatIsWrittenInBulkArrivesWholeAndInOrder() async throws {
        let lines = "seq 1 700000; echo middle >&2; printf x; seq 1 300000; kill -9 $$"
        let result = try await Machine.shared.sh(lines)
        #expect(result.code == 137, "\(result.code)")
        #expect(result.errors == "middle\n")
        var expected = ""
        for number in 1...700_000 { expected += "\(number)\n" }
        expected += "x"
        for number in 1...300_000 { expected += "\(number)\n" }
        // Not the text itself, of which there are 6 MB, in a failure's words.
        let isWhole = result.text == expected
        #expect(isWhole, "\(result.text.utf8.count) bytes, of \(expected.utf8.count) expected")
    }

    @Test func aPingTellsThatTheAgentIsThereAndHowFar() async throws {
        let machine = try Machine.shared
        let result = try await machine.directory.vm(["ping", "--count", "3", "--interval", "10ms", machine.name]).run()
        #expect(result.code == 0, "\(result)")
        let lines = result.text.split(separator: "\n")
        #expect(lines.count == 4 && lines[0].hasPrefix("64 bytes back from \(machine.name) after "), "\(result)")
        #expect(lines.last?.hasPrefix("3 came back: least ") == true, "\(result)")
        // More than a window holds.
        let large = try await machine.directory.vm(["ping", "-c", "2", "-i", "0", "-s", "3000000", "--json", machine.name]).run()
        struct Report: Decodable {
            var size: Int
            var microseconds: [Int64]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(large.output))
        #expect(report.size == 3_000_000 && report.microseconds.count == 2)
    }

    @Test func aSignalReachesTheCommand() async throws {
        let machine = try Machine.shared
        let script = "trap 'echo heard; exit 9' USR1; echo ready; while :; do sleep 0.05; done"
        let client = try RunningProgram(machine.directory.vm(["exec", machine.name, "--", "sh", "-c", script]))
        try await eventually("the command to begin") { client.output == Array("ready\n".utf8) }
        client.signal(SIGUSR1)
        #expect(try await client.waitForEnd() == 9)
        #expect(client.output == Array("ready\nheard\n".utf8))
    }

    @Test func anOrphanThatHoldsTheOutputDoesNotDelayTheEnd() async throws {
        let machine = try Machine.shared
        let result = try await machine.sh("sleep 5432 & seq 100000; exit 6")
        #expect(result.code == 6)
        #expect(result.lines.count == 100_000 && result.lines.last == "100000")
        // Not an orphan of this session's making: the group went with its leader's client, or is ended here.
        _ = try await machine.sh("killall sleep")
    }

    // MARK: Terminals

    /// Runs `command` of the host on a terminal of 33 rows and 77 columns, and types `input`.
    func onTerminal(_ command: String, _ input: String) async throws -> ProgramResult {
        let machine = try Machine.shared
        return try await machine.directory.program(
            "/usr/bin/script", ["-qec", "stty rows 33 cols 77; \(command)", "/dev/null"], input: Array(input.utf8)
        ).run()
    }

    @Test func aShellHasTheTerminalsSizeAndItsExitCode() async throws {
        let machine = try Machine.shared
        let result = try await onTerminal("\(Checkout.vm) shell \(machine.name)", "stty size; tty; exit 7\n")
        #expect(result.code == 7, "\(result)")
        #expect(result.text.contains("33 77"), "\(result)")
        #expect(result.text.contains("/dev/pts/"), "\(result)")
    }

    /// Line by line, as programs write to a terminal.
    @Test func whatATerminalSaysArrivesWholeAndBeforeTheEnd() async throws {
        let machine = try Machine.shared
        let result = try await onTerminal("\(Checkout.vm) exec -t \(machine.name) -- sh -c 'seq 1 5000; exit 3'", "")
        #expect(result.code == 3, "\(result.errors)")
        var expected = ""
        for number in 1...5000 { expected += "\(number)\r\n" }
        // Before it is what `script` itself echoes.
        let isWhole = result.text.hasSuffix(expected)
        #expect(isWhole, "\(result.text.utf8.count) bytes, of \(expected.utf8.count) expected")
    }

    @Test func ctrlCGoesToTheGuestsProcess() async throws {
        let machine = try Machine.shared
        let command = "\(Checkout.vm) exec -t \(machine.name) -- sh -c 'trap \"exit 42\" INT; echo ready; while :; do sleep 0.1; done'"
        let script = try machine.directory.privateFile("terminal", Array(command.utf8))
        // Typed when the command has said that it waits for it.
        let result = try await machine.directory.program(
            "/bin/sh",
            [
                "-c",
                "mkfifo keys; (until grep -q ready seen; do sleep 0.1; done; printf '\\003') > keys & "
                    + "script -qec \"$(cat '\(script)')\" /dev/null < keys > seen",
            ]
        ).run()
        #expect(result.code == 42, "\(result)")
    }

    @Test func theEscapeLeavesAndTheTerminalIsAsItWas() async throws {
        let machine = try Machine.shared
        let left = try await onTerminal("\(Checkout.vm) exec -t \(machine.name) -- sleep 6543; echo code $?; stty -a", "\n~.")
        #expect(left.text.contains("code 255"), "\(left)")
        #expect(left.text.contains(" icanon") && left.text.contains(" echo "), "\(left)")
        try await eventually("the command to end with its terminal") { try await machine.sh("ps | grep '[s]leep 6543'").code == 1 }
    }

    // MARK: Detached

    @Test func aDetachedSessionIsAttachedToWithItsOutputInputAndExitCode() async throws {
        let machine = try Machine.shared
        let started = try await machine.exec(
            ["sh", "-c", "echo first; read line; echo \"got $line\"; exit 5"], options: ["--detach", "--interactive"])
        let session = started.text.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(started.code == 0 && Int(session) != nil, "\(started)")
        let list = try await machine.directory.vm(["sessions", machine.name]).run()
        #expect(list.text.contains("read line"), "\(list)")
        let attached = try await machine.directory.vm(["attach", machine.name, session], input: Array("hello\n".utf8)).run()
        #expect(attached.code == 5, "\(attached)")
        #expect(attached.text == "first\ngot hello\n")
        let again = try await machine.directory.vm(["attach", machine.name, session]).run()
        #expect(again.code == 255)
        #expect(again.errors == "vm: guest 'guest': there is no detached session \(session) in the guest\n", "\(again)")
    }

    @Test func aDetachedSessionIsKilledByItsNumber() async throws {
        let machine = try Machine.shared
        let session = try await machine.exec(["sleep", "7654"], options: ["--detach"]).text.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try await machine.directory.vm(["kill", machine.name, session]).run().code == 0)
        #expect(try await machine.directory.vm(["attach", machine.name, session]).run().code == 143)
        let unknown = try await machine.directory.vm(["kill", machine.name, "999999"]).run()
        #expect(unknown.code == 255)
        #expect(unknown.errors.contains("there is no session 999999 in the guest"), "\(unknown)")
    }
}
