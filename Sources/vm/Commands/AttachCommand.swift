import AgentProtocol
import ArgumentParser
import ProxyClient

/// `vm attach`.
struct AttachCommand: ParsableCommand, HasSession {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "See the output of a detached session, and write to it.",
        discussion: """
            The session's last output, at most 256 KiB, is shown first, then what is to come, and at its end the exit code is \
            the session's. Several clients may see a session; the input of the first counts, and when that leaves, the next \
            one's. A client that takes nothing for 5 s no longer holds the session up, and is told how much it missed.

            The session goes on when this command is ended, also by Ctrl-C where the session has no terminal. On a terminal, \
            ~d or ~. at the beginning of a line leaves, and ~? lists what else there is.

            A session that has ended is kept until somebody has seen its end here, or 64 newer ones have ended.

            Example: vm attach test1 $(vm exec --detach test1 -- make)
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(name: [.customShort("n"), .long], help: "Only look: leave the standard input, and the session's, alone.")
    var noInput = false

    @Argument(help: "The VM's name.")
    var name: String

    @Argument(help: "The session's number, as vm sessions lists it.")
    var session: UInt64

    func run() throws {
        let signals = try Failure.wrapping { try Self.inbox.get() }
        let outcome = try Failure.wrapping {
            try directory.client.attach(
                session, in: name, wantsInput: !noInput, signals: signals, terminal: noInput ? nil : RawTerminal(), say: Terminal.say)
        }
        switch outcome {
        case .detached, .left: Terminal.note("session \(session) of \(name) goes on")
        case .ended, .disconnected: break
        }
        throw ExitCode(CommandEnd.report(outcome))
    }
}
