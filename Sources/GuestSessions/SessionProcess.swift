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
        /// For input a `SharedRing`, whose bell it has in place of the standard input and whose memory in place of the standard error; a
        /// pipe for output. A child that cannot start writes why over the ring, which nobody reads then.
        case ring
    }

    /// Its start, which may not be over.
    var childStart: ChildProcess.Start
    /// Nil when it reads from `/dev/null`.
    var input: FileDescriptor?
    /// Takes what it reads; then `input` is its bell.
    var inputRing: SharedRing?
    var output: FileDescriptor
    /// Nil when errors go where the output goes.
    var errorOutput: FileDescriptor?
    var isTerminal: Bool

    var child: ChildProcess { childStart.child }

    /// Starts the program that `prepare` names: in the child, since it looks for files, and those may be on a server that is silent. It is
    /// not waited for.
    static func start(
        _ streams: Streams, group: FileDescriptor?, _ prepare: () throws(SessionStartFailure) -> Program
    ) throws(SessionStartFailure) -> SessionProcess {
        var ends = StreamEnds()
        let isTerminal = if case .terminal = streams { true } else { false }
        do throws(Errno) { try ends.open(streams) } catch {
            ends.closeAll()
            throw failure(Program.StartFailure(step: isTerminal ? .terminal : .process, error: error), Program(""))
        }
        let hasInput = ends.input.theirs != nil
        do throws(Errno) {
            guard let output = ends.output.ours else { throw .invalid }
            let start = try ChildProcess.start(streams: (ends.input.theirs, ends.output.theirs, ends.errors.theirs), group: group) {
                group in
                do throws(SessionStartFailure) {
                    var program = try prepare()
                    program.standardInput = hasInput ? FileDescriptor(rawValue: 0) : nil
                    program.standardOutput = FileDescriptor(rawValue: 1)
                    program.standardError = FileDescriptor(rawValue: 2)
                    program.hasTerminal = isTerminal
                    // It leads one already.
                    program.newSession = false
                    program.controlGroup = group
                    throw failure(program.become(), program)
                } catch {
                    return ChildProcess.Refusal(code: error.code, reason: Array(error.reason.utf8))
                }
            }
            ends.closeTheirs()
            return SessionProcess(
                childStart: start, input: ends.input.ours, inputRing: ends.ring, output: output, errorOutput: ends.errors.ours,
                isTerminal: isTerminal)
        } catch {
            ends.closeAll()
            throw failure(Program.StartFailure(step: .process, error: error), Program(""))
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
    private(set) var ring: SharedRing?
    private var isTerminal = false
    /// As a stream's window: the process and the agent take fewer turns.
    private static let capacity: CInt = 256 << 10
    /// More than the link's device has at once, again for fewer turns.
    private static let ringCapacity = 2 << 20

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
        case .ring:
            try openPipes(wantsInput: false)
            let bell = try FileDescriptor.packetPair()
            input = Pair(ours: bell.0, theirs: bell.1)
            let made = try SharedRing.make(capacity: StreamEnds.ringCapacity)
            (ring, errors.theirs) = (made.ring, made.memory)
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
