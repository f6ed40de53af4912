import AgentProtocol
import ArgumentParser
import ProxyClient

/// `vm exec`.
struct ExecCommand: ParsableCommand, HasSession {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a VM.",
        discussion: """
            The command is run without a shell in between. Its standard input, output and error are this command's own, its \
            exit code is this command's exit code (128 + N when signal N killed it), and signals are passed on: the second \
            SIGINT, SIGTERM, SIGHUP or SIGQUIT leaves a command that does not heed the first. When this command is gone, so \
            is the one in the VM, unless it is detached. A VM that is still booting is waited for.

            With --tty, ~. at the beginning of a line leaves, and ~? lists what else there is.

            With --detach, the number of the session is printed; see vm sessions, vm attach and vm kill. It has input only \
            with --interactive or --tty, from a client that attaches.

            Examples:
              vm exec test1 -- sh -c 'echo $HOSTNAME; exit 3'
              vm exec --user nobody --cwd /tmp --timeout 10 test1 -- make check
              tar c . | vm exec test1 -- tar x -C /srv
              vm exec -t test1 -- top
            """)

    @OptionGroup var directory: DirectoryOption
    @OptionGroup var session: SessionOptions

    @Flag(name: .shortAndLong, help: "Pass the standard input on. This is the default, except with --detach.")
    var interactive = false

    @Flag(name: [.customShort("n"), .long], help: "Leave the standard input alone: the command reads from /dev/null.")
    var noInput = false

    @Flag(name: .shortAndLong, help: "Give the command a terminal: this one, its size and TERM.")
    var tty = false

    @Flag(name: .shortAndLong, help: "Start the command, print its session's number, and leave it running.")
    var detach = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "End the command and its process group after this time: 10, 1.5, 500ms, 2m. The exit code is then 124.", valueName: "time"))
    var timeout: TimeLimit?

    @Flag(help: "Do not wait for the end of the VM's boot.")
    var now = false

    @Option(parsing: .unconditional, help: ArgumentHelp("How long to wait for a VM that is booting.", valueName: "seconds"))
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
        let signals = try Failure.wrapping { try Self.inbox.get() }
        let terminal = RawTerminal()
        var command = Command(arguments: RawArguments.last(command.count), wantsInput: detach ? interactive : !noInput)
        session.apply(to: &command)
        command.timeout = timeout?.milliseconds
        command.isDetached = detach
        if tty {
            guard terminal != nil || detach else {
                throw Failure("--tty needs a terminal, and the standard input is none; leave --tty out to pass it on as it is", code: 64)
            }
            command.terminal = RawTerminal.description(of: terminal)
        }
        let outcome = try Failure.wrapping {
            try directory.client.exec(
                command, in: name, now: now, signals: signals, deadline: wait.map { .after(.seconds($0)) } ?? .none,
                terminal: tty ? terminal : nil, say: Terminal.say)
        }
        if case .detached(let session) = outcome { print(session) }
        throw ExitCode(CommandEnd.report(outcome))
    }
}
