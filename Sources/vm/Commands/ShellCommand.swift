import AgentProtocol
import ArgumentParser
import ProxyClient

/// `vm shell`.
struct ShellCommand: ParsableCommand, HasSession {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Open a shell in a VM.",
        discussion: """
            On a terminal, this is a log-in shell with a terminal of its own: what is typed goes to the VM, Ctrl-C and Ctrl-Z \
            too. These are for this command, at the beginning of a line: ~. leaves, ~^Z suspends it, ~~ sends one ~, ~? lists \
            them.

            Otherwise the shell reads its commands from the standard input, to its end. The exit code is the shell's.

            Examples:
              vm shell test1
              echo 'df -h; exit 3' | vm shell test1
            """)

    @OptionGroup var directory: DirectoryOption
    @OptionGroup var session: SessionOptions

    @Flag(help: "Do not wait for the end of the VM's boot.")
    var now = false

    @Argument(help: "The VM's name.")
    var name: String

    func run() throws {
        let signals = try Failure.wrapping { try Self.inbox.get() }
        let terminal = RawTerminal()
        var command = Command(arguments: [])
        session.apply(to: &command)
        if let terminal { command.terminal = RawTerminal.description(of: terminal) }
        let outcome = try Failure.wrapping {
            try directory.client.exec(command, in: name, now: now, signals: signals, terminal: terminal, say: Terminal.say)
        }
        if outcome == .disconnected { Terminal.note("left \(name)") }
        throw ExitCode(CommandEnd.report(outcome))
    }
}
