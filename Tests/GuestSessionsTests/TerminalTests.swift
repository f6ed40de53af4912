import AgentProtocol
import CLinux
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite(.timeLimit(.minutes(2)), .serialized) struct TerminalTests {
    static func terminal(_ guest: Guest, _ script: String, rows: UInt16 = 30, columns: UInt16 = 100) throws -> Guest.Client {
        try guest.shell(script) {
            $0.terminal = Command.Terminal(size: TerminalSize(rows: rows, columns: columns), kind: Array("vt100".utf8))
        }
    }

    @Test func theCommandHasATerminalOfItsOwnOfThatSizeAndKind() throws {
        let guest = try Guest()
        let client = try Self.terminal(
            guest, "tty -s && stty size && echo $TERM && ps -o tpgid=,pgid= -p $$ && : </dev/tty && echo own; exit 4")
        try guest.run { client.isFinished }
        let lines = client.output.split(separator: "\r\n")
        #expect(lines.prefix(2) == ["30 100", "vt100"])
        let groups = lines[2].split(separator: " ")
        #expect(groups.count == 2 && groups[0] == groups[1])
        #expect(lines.last == "own")
        #expect(client.errors.isEmpty)
        #expect(client.start?.isTerminal == true)
        #expect(client.end == .exited(4))
    }

    @Test func aNewSizeReachesTheCommand() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done")
        try guest.run { client.output.contains("ready") }
        client.send(.resize, TerminalSize(rows: 50, columns: 132).encoded())
        try guest.run { client.isFinished }
        #expect(client.output.contains("50 132"))
    }

    @Test func controlCInterruptsTheForegroundProcess() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
        try guest.run { client.output.contains("ready") }
        client.send(.standardInput, [3])
        try guest.run { client.isFinished }
        #expect(client.output.contains("caught"))
        #expect(client.end == .exited(9))
    }

    @Test func whatIsTypedIsReadAndTheEndOfInputToo() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "stty -echo; echo ready; cat; echo done")
        try guest.run { client.output.contains("ready") }
        client.send(.standardInput, Array("typed\n".utf8))
        client.send(.endOfInput)
        try guest.run { client.isFinished }
        #expect(client.output.hasSuffix("typed\r\ndone\r\n"))
    }

    @Test func allThatWasShownBeforeTheEndArrives() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "stty -opost; head -c 3000000 /dev/zero; printf end")
        try guest.run { client.isFinished }
        #expect(client.payload(of: .standardOutput).count == 3_000_003)
        #expect(client.end == .exited(0))
    }

    /// What stays behind in the background holds the terminal, and is hung up on.
    @Test func anOrphanDoesNotDelayTheEnd() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "(trap '' HUP; exec sleep 30) & echo $!")
        try guest.run { client.isFinished }
        let orphan = try #require(Int(client.output.split(separator: "\r\n")[0]))
        #expect(client.end == .exited(0))
        kill(pid_t(orphan), SIGKILL)
    }

    @Test func aClientThatVanishesHangsUp() throws {
        let guest = try Guest()
        let client = try Self.terminal(guest, "set -m; echo $$; sleep 100")
        try guest.run { client.output.hasSuffix("\r\n") }
        let leader = try #require(Int(client.output.split(separator: "\r\n")[0]))
        // The script's sleep is a job of its own, in a process group of its own, in the foreground.
        let children = "/proc/\(leader)/task/\(leader)/children"
        var child: Int?
        try guest.run {
            child = (try? Files.readLine(children)).flatMap { Int($0.split(separator: " ").first ?? "") }
            return child != nil
        }
        client.vanish()
        try guest.run { try guest.sessions().isEmpty }
        #expect(!ExecTests.runs(leader))
        try guest.run { !ExecTests.runs(child ?? 0) }
    }

    @Test func itsTimeIsOverForAShellThatPassesOverSIGTERM() throws {
        let guest = try Guest()
        let client = try guest.shell("trap '' TERM HUP; sleep 100; sleep 100") {
            $0.terminal = Command.Terminal(size: TerminalSize(), kind: [])
            $0.timeout = 200
        }
        try guest.run { client.isFinished }
        #expect(client.end == .timedOut)
    }

    @Test func withoutACommandItIsTheUsersLogInShell() throws {
        let guest = try Guest()
        var command = Command(arguments: [])
        command.terminal = Command.Terminal(size: TerminalSize(), kind: Array("dumb".utf8))
        let client = try guest.exec(command)
        client.send(.standardInput, Array("echo \"<$0>\"; exit 6\n".utf8))
        try guest.run { client.isFinished }
        #expect(client.output.contains("<-"))
        #expect(client.end == .exited(6))
    }

    @Test(.enabled(if: getuid() == 0)) func anotherUserOwnsTheTerminal() throws {
        let guest = try Guest()
        let client = try guest.shell("stat -c %U $(tty); echo again >$(tty)") {
            $0.user = Array("nobody".utf8)
            $0.terminal = Command.Terminal(size: TerminalSize(), kind: [])
        }
        try guest.run { client.isFinished }
        #expect(client.output == "nobody\r\nagain\r\n")
    }
}
