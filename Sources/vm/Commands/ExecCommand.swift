import AgentProtocol
import ArgumentParser
import ProxyClient

/// `vm exec`.
struct ExecCommand: ParsableCommand, PassesSignals {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a VM.",
        discussion: """
            The command is run without a shell in between. Its standard input, output and error are this command's own, its \
            exit code is this command's exit code (128 + N when signal N killed it), and signals are passed on. A VM that is \
            still booting is waited for.

            Example: vm exec test1 -- sh -c 'echo $HOSTNAME; exit 3'
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(name: .shortAndLong, help: "Pass the standard input on. This is the default.")
    var interactive = false

    @Flag(name: [.customShort("n"), .long], help: "Leave the standard input alone: the command reads from /dev/null.")
    var noInput = false

    @Flag(help: "Do not wait for the end of the VM's boot.")
    var now = false

    @Option(help: ArgumentHelp("How long to wait for a VM that is booting.", valueName: "seconds"))
    var wait: Int?

    @Argument(help: "The VM's name.")
    var name: String

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after '--'.")
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("A command is needed, after '--': vm exec \(name) -- COMMAND …") }
        guard wait.map({ $0 >= 0 }) ?? true else { throw ValidationError("--wait must be 0 or more seconds.") }
        guard !(interactive && noInput) else { throw ValidationError("--interactive and --no-input exclude each other.") }
    }

    func run() throws {
        let signals = try Failure.wrapping { try PassedSignals.inbox.get() }
        let command = Command(arguments: RawArguments.last(command.count), wantsInput: !noInput)
        let outcome = try Failure.wrapping {
            try directory.client.exec(
                command, in: name, now: now, signals: signals, deadline: wait.map { .after(.seconds($0)) } ?? .none)
        }
        throw ExitCode(CommandEnd.report(outcome))
    }
}

/// How a command's end is told.
enum CommandEnd {
    /// Says why a command never ran; gives the exit code.
    static func report(_ outcome: ExecOutcome) -> Int32 {
        if case .ended(.notStarted(_, let reason)) = outcome { Terminal.say(reason) }
        return outcome.exitCode
    }
}
