internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// A session's process and our ends of what it reads and writes.
struct SessionProcess {
    /// What the process reads and writes.
    enum Streams: Equatable {
        /// A pipe for input, and one for output and errors.
        case shell
        /// Three pipes; without input, two, and it reads from `/dev/null`.
        case pipes(wantsInput: Bool)
        case terminal(TerminalSize)
    }

    var child: ChildProcess
    /// Nil when it reads from `/dev/null`.
    var input: FileDescriptor?
    var output: FileDescriptor
    /// Nil when errors go where the output goes.
    var errorOutput: FileDescriptor?
    var isTerminal: Bool

    /// Starts `program`.
    static func start(_ program: Program, _ streams: Streams) throws(SessionStartFailure) -> SessionProcess {
        var ends = StreamEnds()
        do throws(Program.StartFailure) {
            var program = program
            do throws(Errno) { try ends.open(streams) } catch {
                if case .terminal = streams { throw Program.StartFailure(step: .terminal, error: error) }
                throw Program.StartFailure(step: .process, error: error)
            }
            program.standardInput = ends.input.theirs
            program.standardOutput = ends.output.theirs
            program.standardError = ends.errors.theirs
            if case .terminal = streams { program.hasTerminal = true }
            let child = try program.launch()
            ends.closeTheirs()
            guard let output = ends.output.ours else { throw Program.StartFailure(step: .process, error: .invalid) }
            return SessionProcess(
                child: child, input: ends.input.ours, output: output, errorOutput: ends.errors.ours, isTerminal: program.hasTerminal)
        } catch {
            ends.closeAll()
            throw failure(error, program)
        }
    }

    private static func failure(_ failure: Program.StartFailure, _ program: Program) -> SessionStartFailure {
        let what =
            switch failure.step {
            case .process: "cannot start a process in the guest"
            case .terminal: "there is no terminal to be had in the guest"
            case .user: "cannot become user \(program.user?.identifier ?? 0) in the guest"
            case .directory: "cannot enter \(program.directory ?? "") in the guest"
            case .execution: program.path
            }
        let isFull = failure.step == .process && failure.error == .wouldBlock
        let advice = isFull ? "; no more processes can be started: 'vm sessions' and 'vm kill' need none" : ""
        let isMissing = failure.step == .execution && failure.error == .noSuchFile
        return SessionStartFailure(code: isMissing ? 127 : 126, reason: what + ": " + failure.error.description + advice)
    }
}

/// Both ends of a session's streams while it is being started.
private struct StreamEnds {
    struct Pair {
        var ours: FileDescriptor?
        var theirs: FileDescriptor?
    }

    var input = Pair()
    var output = Pair()
    var errors = Pair()
    private var isTerminal = false
    /// As a stream's window: the process and the agent take fewer turns.
    private static let capacity: CInt = 256 << 10

    mutating func open(_ streams: SessionProcess.Streams) throws(Errno) {
        switch streams {
        case .terminal(let size):
            let terminal = try PseudoTerminal.open(rows: size.rows, columns: size.columns)
            isTerminal = true
            output = Pair(ours: terminal.controllingEnd, theirs: terminal.programEnd)
            input.theirs = terminal.programEnd
            // A number of its own for each direction: each is watched and closed by itself.
            input.ours = try terminal.controllingEnd.duplicate()
        case .shell: try openPipes(wantsInput: true)
        case .pipes(let wantsInput):
            try openPipes(wantsInput: wantsInput)
            let pipe = try FileDescriptor.pipe()
            errors = Pair(ours: pipe.readEnd, theirs: pipe.writeEnd)
        }
        if errors.theirs == nil { errors.theirs = output.theirs }
        for ours in [input.ours, output.ours, errors.ours] { try ours?.setNonBlocking() }
    }

    private mutating func openPipes(wantsInput: Bool) throws(Errno) {
        if wantsInput {
            let pipe = try FileDescriptor.pipe()
            pipe.writeEnd.setPipeCapacity(StreamEnds.capacity)
            input = Pair(ours: pipe.writeEnd, theirs: pipe.readEnd)
        }
        let pipe = try FileDescriptor.pipe()
        pipe.readEnd.setPipeCapacity(StreamEnds.capacity)
        output = Pair(ours: pipe.readEnd, theirs: pipe.writeEnd)
    }

    func closeTheirs() {
        if !isTerminal { input.theirs?.close() }
        output.theirs?.close()
        if errors.theirs != output.theirs { errors.theirs?.close() }
    }

    func closeAll() {
        closeTheirs()
        for ours in [input.ours, output.ours, errors.ours] { ours?.close() }
    }
}
