import ArgumentParser
import ProxyClient

/// `vm kill`.
struct KillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Send a signal to a session in a VM.",
        discussion: """
            The signal goes to the session's whole process group. Without --signal it is SIGTERM, or SIGHUP where the session \
            has a terminal, because shells there pass over SIGTERM.

            Example: vm kill -s KILL test1 3
            """)

    @OptionGroup var directory: DirectoryOption

    @Option(name: .shortAndLong, help: ArgumentHelp("The signal: TERM, SIGTERM or 15.", valueName: "signal"))
    var signal: SignalName?

    @Argument(help: "The VM's name.")
    var name: String

    @Argument(help: "The sessions' numbers, as vm sessions lists them.")
    var sessions: [UInt64]

    func run() throws {
        var failures: [String] = []
        for session in sessions {
            do throws(ProxyClientError) {
                try directory.client.kill(session, in: name, signal: signal?.number)
            } catch {
                failures.append("\(error)")
            }
        }
        guard failures.isEmpty else { throw Failure(failures.joined(separator: "\n")) }
    }
}
