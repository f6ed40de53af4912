import ControlProtocol
import Foundation
import Testing

/// A VM that a test runs with `vm run`.
final class Machine: Sendable {
    let name: String
    let directory: VMDirectory
    /// The `vm run` itself. Its errors have the boot's steps and the guest's console.
    let launcher: RunningProgram

    init(name: String, directory: VMDirectory, launcher: RunningProgram) {
        (self.name, self.directory, self.launcher) = (name, directory, launcher)
    }

    /// The VM of the test or suite that runs now.
    @TaskLocal static var current: Machine?

    var socket: String { directory.file("\(name).socket") }
    var disk: String { directory.file("\(name).qcow2") }

    /// For people who look at a failure: the last of what `vm run` said and the guest's console showed.
    var story: String {
        let lines = launcher.errors.split(separator: "\n", omittingEmptySubsequences: false).suffix(60).joined(separator: "\n")
        return "--- vm run \(launcher.code.map { "ended with \($0)" } ?? "still runs"); its last lines, with the guest's console:\n\(lines)"
    }

    // MARK: State

    /// What `vm ps` says of it; nil while, and after, it is not known there.
    func status() async throws -> GuestStatus? { try await directory.guests().first { $0.name == name } }

    /// Waits until `vm ps` says what `condition` wants; fails at once when the VM is gone.
    func waitUntil(
        _ what: String, within bound: Duration = .seconds(180), _ condition: (GuestStatus) -> Bool
    ) async throws -> GuestStatus {
        try await eventually("\(name) \(what)", within: bound, every: .milliseconds(200)) {
            if let status = try await status(), condition(status) { return status }
            if let code = launcher.code { throw MachineIsGone(name: name, awaited: what, code: code) }
            return nil
        }
    }

    /// Waits until its boot has failed.
    @discardableResult func waitUntilFailed() async throws -> GuestStatus {
        let status = try await waitUntil("to fail") { $0.state == .ready || $0.state == .failed }
        #expect(status.state == .failed, "it has booted")
        return status
    }

    /// Waits until it has booted.
    @discardableResult func waitUntilReady(within bound: Duration = .seconds(180)) async throws -> GuestStatus {
        let status = try await waitUntil("to be ready", within: bound) { $0.state == .ready || $0.state == .failed }
        guard status.state == .ready else { throw BootFailed(name: name, detail: status.detail) }
        return status
    }

    // MARK: Sessions

    /// `vm exec`: a command in the guest.
    func exec(_ command: [String], input: [UInt8] = [], options: [String] = []) async throws -> ProgramResult {
        try await directory.vm(["exec"] + options + [name, "--"] + command, input: input).run()
    }

    /// `vm exec` of a shell script.
    func sh(_ script: String, input: [UInt8] = []) async throws -> ProgramResult { try await exec(["sh", "-c", script], input: input) }

    /// The output of a shell script that is to succeed, without the line feeds at its end.
    func output(of script: String) async throws -> String {
        let result = try await sh(script)
        guard result.code == 0 else { throw ProgramFailure(cause: "in \(name): \(script)", output: result.text, errors: result.errors) }
        return String(result.text.reversed().drop { $0 == "\n" }.reversed())
    }

    /// `socat` on its socket file.
    func socat(_ input: String, patience: Int = 200) async throws -> ProgramResult {
        try await directory.socat(socket, input: input, patience: patience).run()
    }

    /// The process of the agent that serves sessions.
    func agent() async throws -> String {
        try await output(of: "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' < $p/cmdline) in @vm-agent*) echo ${p#/proc/};; esac; done")
    }

    // MARK: End

    /// `vm down`, and the end of `vm run` that follows from it.
    func powerOff() async throws -> (down: ProgramResult, runCode: Int) {
        let down = try await directory.vm(["down", name]).run()
        return (down, try await launcher.waitForEnd())
    }

    /// Ends it without a power-off, unless it has ended.
    fileprivate func end() async {
        // The first signal asks the guest to power off, another one does not wait for that.
        for signal in [SIGTERM, SIGINT] { launcher.signal(signal) }
        _ = try? await Task { try await launcher.waitForEnd(within: .seconds(60)) }.value
    }
}

/// A VM ended while something was expected of it.
struct MachineIsGone: Error, CustomStringConvertible {
    var name: String
    var awaited: String
    var code: Int
    var description: String { "vm run ended with exit code \(code) while \(name) was expected \(awaited)" }
}

/// A boot that was to succeed has failed.
struct BootFailed: Error, CustomStringConvertible {
    var name: String
    var detail: String
    var description: String { "\(name) did not boot: \(detail)" }
}

/// An error and what the VM had to say.
struct FailureWithStory: Error, CustomStringConvertible {
    var cause: any Error
    var story: String
    var description: String { "\(cause)\n\(story)" }
}

/// Runs a VM around `body`, when there is a place for one, and ends it. Nothing of it may be left then, unless the directory
/// is the caller's.
///
/// - Parameters:
///   - options: of `vm run`, beside the kernel and its modules.
///   - command: what the VM is for; none: it stays.
///   - environment: of `vm run`, beside what every program of a test has.
func withMachine<Value>(
    _ options: [String] = [], command: [String] = [], name: String = "guest", in directory: VMDirectory? = nil,
    environment: [String: String?] = [:], leadsGroup: Bool = false, _ body: (Machine) async throws -> Value
) async throws -> Value {
    let place = try directory ?? VMDirectory()
    return try await MachineSlots.withSlot {
        var program = place.vmRun(options, command: command, name: name)
        program.leadsGroup = leadsGroup
        program.environment.merge(environment) { $1 }
        let machine = Machine(name: name, directory: place, launcher: try RunningProgram(program))
        return try await Machine.$current.withValue(machine) {
            let outcome: Result<Value, any Error>
            do {
                outcome = .success(try await body(machine))
            } catch {
                outcome = .failure(FailureWithStory(cause: error, story: machine.story))
            }
            await machine.end()
            if directory == nil { await place.expectNothingLeft() }
            return try outcome.get()
        }
    }
}
