import Subprocess
import SystemPackage

/// Starts QEMU for `description`, runs `body`, and returns when QEMU is gone.
///
/// When `body` returns or throws, or the task is cancelled, a QEMU that still runs is ended: `quit` over QMP (1 s), SIGTERM
/// (2 s), SIGKILL. When QEMU ends by itself, `body` goes on: it learns of that with `RunningMachine.waitUntilEnded`.
/// QEMU leads its own session, so that the terminal's Ctrl-C reaches the caller only.
///
/// - Parameters:
///   - onConsoleLine: called for each whole line that the guest's console prints, without control characters.
///   - onMessage: called for each line that QEMU itself prints.
/// - Throws: `MachineError` when QEMU cannot be started; what `body` throws.
public func withRunningMachine<Value: Sendable>(
    _ description: MachineDescription, onConsoleLine: @escaping @Sendable (String) -> Void = { _ in },
    onMessage: @escaping @Sendable (String) -> Void = { _ in },
    body: @escaping @Sendable (RunningMachine) async throws -> Value
) async throws -> (value: Value, end: MachineEnd) {
    try description.validate()
    let program = try ProgramSearch.find(description.qemu, package: "qemu-system-x86")
    let terminate = [TeardownStep.send(signal: .terminate, allowedDurationToNextStep: .seconds(2))]
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = terminate
    let configuration = Configuration(
        executable: .path(FilePath(program)), arguments: Arguments(description.qemuArguments), platformOptions: options)
    do {
        let run = try await Subprocess.run(configuration, input: .none, output: .sequence, error: .sequence) { execution in
            let machine = RunningMachine(processIdentifier: execution.processIdentifier.value, description: description)
            async let console: Void = read(execution.standardOutput, .console, of: machine, onConsoleLine)
            async let messages: Void = read(execution.standardError, .messages, of: machine, onMessage)
            let outcome = await resultOf(body, machine)
            await machine.quitIfRunning()
            await execution.teardown(using: terminate)
            _ = await (console, messages)
            return (outcome: outcome, machine: machine)
        }
        let (outcome, machine) = run.closureResult
        return (try outcome.get(), machine.end(MachineEnd.Status(run.terminationStatus)))
    } catch let error as SubprocessError {
        throw MachineError.cannotStart(program: program, reason: error.description)
    }
}

private func resultOf<Value: Sendable>(
    _ body: @Sendable (RunningMachine) async throws -> Value, _ machine: RunningMachine
) async -> Result<Value, any Error> {
    do { return .success(try await body(machine)) } catch { return .failure(error) }
}

/// Reads one of QEMU's output streams to its end. A stream that cannot be read further has ended, too.
private func read(
    _ output: SubprocessOutputSequence, _ stream: RunningMachine.Stream, of machine: RunningMachine,
    _ onLine: @Sendable (String) -> Void
) async {
    do {
        for try await chunk in output {
            chunk.withUnsafeBytes { machine.take($0, from: stream) }.forEach(onLine)
        }
    } catch {
        onLine("cannot read QEMU's output: \(error)")
    }
    if let line = machine.endStream(stream) { onLine(line) }
}

extension MachineEnd.Status {
    init(_ status: TerminationStatus) {
        self =
            switch status {
            case .exited(let code): .exited(code)
            case .signaled(let signal): .signaled(signal)
            }
    }
}
