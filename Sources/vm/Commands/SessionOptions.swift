import AgentProtocol
import ArgumentParser
import Glibc
import ProxyClient

/// Who runs something in a VM, where, and with which environment.
struct SessionOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Run as this user of the VM: NAME, UID, or either with :GROUP. (default: root)", valueName: "user"))
    var user: String?

    @Option(help: ArgumentHelp("The working directory in the VM. (default: the user's home)", valueName: "dir"))
    var cwd: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Set a variable: NAME=VALUE, or NAME for its value here; may be repeated.", valueName: "variable"))
    var env: [String] = []

    func validate() throws {
        for variable in env where variable.isEmpty || variable.hasPrefix("=") {
            throw ValidationError("--env \(variable): must be NAME=VALUE or NAME.")
        }
        if let user, user.isEmpty || user.hasPrefix(":") { throw ValidationError("--user \(user): must begin with a name or number.") }
        if cwd == "" { throw ValidationError("--cwd must not be empty.") }
    }

    /// Puts them into `command`.
    func apply(to command: inout Command) {
        command.user = user.map { Array($0.utf8) }
        command.workingDirectory = cwd.map { RawArguments.value($0) }
        command.environment = RawArguments.values(env).compactMap { variable in
            if variable.contains(UInt8(ascii: "=")) { return variable }
            // As env(1) would have passed it on; what is not set here is not set there.
            guard let value = getenv(String(decoding: variable, as: UTF8.self)) else { return nil }
            return variable + [UInt8(ascii: "=")] + RawArguments.bytes(of: value)
        }
    }
}

/// The signals of a command that has a session in a VM.
protocol HasSession: PassesSignals {}

extension HasSession {
    static var inbox: Result<SignalInbox, any Error> { PassedSignals.all }
}

/// How a session's end is told.
enum CommandEnd {
    /// Says why a command never ran, or what else its exit code does not; gives the exit code.
    static func report(_ outcome: ExecOutcome) -> Int32 {
        switch outcome {
        case .ended(.notStarted(_, let reason)): Terminal.say(reason)
        case .ended(.timedOut): Terminal.say("the command's time was over: it was ended, and its process group with it")
        case .ended, .left, .disconnected, .detached: break
        }
        return outcome.exitCode
    }
}
