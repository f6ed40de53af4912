internal import CLinux
internal import LinuxSystem

/// Runs a program of the initrd or guest to its end, within a bound, and keeps the last of what it says.
enum RunProgram {
    struct Outcome {
        /// How it ended; nil when it was killed because its time was over.
        var end: ProcessEnd?
        /// Why it could not be started.
        var startError: Errno?
        /// The last of its output and errors, at most 2 KiB.
        var output: [UInt8] = []
        var seconds: Int

        /// How it ended and its last line, for an error's sentence.
        var description: String {
            let line = lastLine
            return line.isEmpty ? ending : "\(ending): \(line)"
        }

        /// How it ended.
        var ending: String {
            if let startError { return "cannot start it: \(startError.description)" }
            return switch end {
            case .exited(let code): "exit code \(code)"
            case .signaled(let signal): "killed by signal \(signal)"
            case nil: "not done within \(seconds) s, killed"
            }
        }

        /// The last line that is not empty.
        var lastLine: String {
            String(decoding: output.split(separator: UInt8(ascii: "\n")).last ?? [], as: UTF8.self)
        }
    }

    /// Runs `program` with its output and errors captured, at most `seconds`. `onOutput` may take from what is kept
    /// as it grows.
    static func run(_ program: Program, seconds: Int, onOutput: (inout [UInt8]) -> Void = { _ in }) -> Outcome {
        var outcome = Outcome(seconds: seconds)
        var program = program
        do throws(Errno) {
            let pipe = try FileDescriptor.pipe()
            defer { pipe.readEnd.close() }
            program.standardOutput = pipe.writeEnd
            program.standardError = pipe.writeEnd
            let child = try start(program, closing: pipe.writeEnd)
            defer { child.pidfd.close() }
            try pipe.readEnd.setNonBlocking()
            collect(child, pipe.readEnd, &outcome, onOutput)
        } catch {
            outcome.startError = error
        }
        return outcome
    }

    private static func start(_ program: Program, closing output: FileDescriptor) throws(Errno) -> ChildProcess {
        defer { output.close() }
        return try program.start()
    }

    private static func collect(
        _ child: ChildProcess, _ output: FileDescriptor, _ outcome: inout Outcome, _ onOutput: (inout [UInt8]) -> Void
    ) {
        let deadline = Uptime.microseconds + UInt64(outcome.seconds) * 1_000_000
        var outputOpen = true
        while true {
            let now = Uptime.microseconds
            guard now < deadline else {
                child.signalGroup(SIGKILL)
                _ = child.pidfd.waitUntilReadable(milliseconds: 1_000)
                _ = child.end()
                return
            }
            var requests = (
                pollfd(fd: child.pidfd.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: outputOpen ? output.rawValue : -1, events: Int16(POLLIN), revents: 0)
            )
            withUnsafeMutablePointer(to: &requests) {
                $0.withMemoryRebound(to: pollfd.self, capacity: 2) { _ = poll($0, 2, CInt((deadline - now) / 1_000 + 1)) }
            }
            if outputOpen { outputOpen = read(output, into: &outcome.output, onOutput) }
            if requests.0.revents != 0, let end = child.end() {
                if outputOpen { _ = read(output, into: &outcome.output, onOutput) }
                outcome.end = end
                return
            }
        }
    }

    /// Reads what there is; false at the end.
    private static func read(_ output: FileDescriptor, into kept: inout [UInt8], _ onOutput: (inout [UInt8]) -> Void) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<64 {
            let count: Int? = chunk.withUnsafeMutableBytes { bytes in
                do throws(Errno) { return try output.read(into: bytes) } catch { return 0 }
            }
            guard let count else { return true }
            guard count > 0 else { return false }
            kept.append(contentsOf: chunk[..<count])
            onOutput(&kept)
            if kept.count > 2048 { kept.removeFirst(kept.count - 2048) }
        }
        return true
    }
}
