import ArgumentParser
import Glibc
import ProxyClient

/// `vm`: starts VMs and talks to them.
struct VM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vm",
        abstract: "Throwaway Linux VMs that run on this machine's own files and are entered through a socket file.",
        discussion: """
            vm run -- uname -r                     boot a VM, run a command in it, power off
            vm run --name test1                    boot a VM and keep it; Ctrl-C ends it
            vm up network.json                     boot a network of VMs
            socat ./test1.socket stdio             a root shell in it
            vm shell test1                         the same, with a real terminal
            vm exec test1 -- ls /root              a command in it: output, exit code and signals intact
            vm exec --detach test1 -- make         a command that nobody need wait for; see vm sessions, attach and kill
            vm cp -r site test1:/srv               files and trees into it, or out of it
            vm ps                                  the VMs of this directory
            vm logs -f test1                       what its boot and its console say
            vm forward test1 8080:80               its port 80 on this machine's port 8080
            vm down test1                          power it off

            Exit codes: that of the command for run, exec, shell and attach, 128 + N when signal N killed it, 124 when its \
            --timeout was over; 255 when vm itself failed (no VM, no boot, a lost link); 64 for wrong usage.
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, UpCommand.self, ExecCommand.self, ShellCommand.self, SessionsCommand.self, AttachCommand.self,
            PingCommand.self,
            KillCommand.self, ForwardCommand.self, LogsCommand.self, CopyCommand.self, PsCommand.self, DownCommand.self, InitrdCommand.self,
            ServeShareCommand.self, MakeImageCommand.self,
        ])
}

/// The program's version.
enum Version {
    static let text = "0.1.0"
}

@main
enum Main {
    static func main() async {
        StandardStreams.fillMissing()
        do {
            try await run(try VM.parseAsRoot())
            // What `print` has kept back.
            guard fflush(nil) == 0 else { throw Failure("cannot write standard output: \(String(cString: strerror(errno)))") }
        } catch let failure as Failure {
            Terminal.say(failure.text)
            VM.exit(withError: ExitCode(failure.code))
        } catch {
            VM.exit(withError: error)
        }
    }

    private static func run(_ command: sending any ParsableCommand) async throws {
        // Before anything is made that a signal would leave behind.
        if let passing = command as? any PassesSignals { _ = try type(of: passing).inbox.get() }
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            var command = command
            try command.run()
        }
    }
}

/// A command that passes signals on, or cleans up when they come, and so cannot be ended by them at once.
protocol PassesSignals {
    /// Where the signals arrive.
    static var inbox: Result<SignalInbox, any Error> { get }
}

extension PassesSignals {
    static var inbox: Result<SignalInbox, any Error> { PassedSignals.ends }
}

/// The signals of such a command.
enum PassedSignals {
    /// Those that ask for the end.
    static let ends: Result<SignalInbox, any Error> = Result { try SignalInbox([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) }
    /// All that mean something to a command in a guest, or to its terminal.
    static let all: Result<SignalInbox, any Error> = Result {
        try SignalInbox([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT])
    }
}
