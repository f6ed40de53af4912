import AgentProtocol

/// The client's side of one `exec` or `attach`: what the user does goes in and becomes frames for the guest, the guest's bytes
/// go in and become output and an exit status. A value without I/O; the queues say what to write, the `accepts…` properties
/// when to read.
struct ExecConversation {
    /// What the user or the loop has to know, in the order of the bytes.
    enum Notice: Equatable {
        /// The session runs.
        case started(SessionStart)
        /// This client missed so many bytes of output.
        case skipped(UInt64)
        /// Our input is the one that counts, from now on.
        case becameWriter
    }

    /// Bytes for the guest.
    var outgoing = ByteQueue()
    /// Bytes for our standard output and error.
    var standardOutput = ByteQueue()
    var standardError = ByteQueue()
    /// How the command ended, once the guest has said so.
    private(set) var status: ExitStatus?
    /// Why the guest does not let us attach.
    private(set) var refusal: String?
    /// The session, once it is known.
    private(set) var start: SessionStart?

    private var notices: [Notice] = []
    private var decoder = FrameDecoder()
    private var inputIsOpen: Bool
    /// Whether our input is the one that counts.
    private(set) var isWriter: Bool
    /// How much more input the guest takes now.
    private var allowance = InputAllowance.initial

    /// The most bytes that wait for the guest before our standard input is no longer read.
    static let outgoingLimit = 256 << 10
    /// The most bytes that wait for our standard output or error before the guest is no longer read.
    static let outputLimit = 1 << 20

    /// Begins with the command itself.
    init(_ command: Command) {
        inputIsOpen = command.wantsInput && !command.isDetached
        isWriter = true
        send(Frame(.command, ArraySlice(command.encoded())))
    }

    /// Begins with the session to attach to.
    init(_ request: AttachRequest) {
        inputIsOpen = request.wantsInput
        isWriter = false
        send(Frame(.attach, ArraySlice(request.encoded())))
    }

    /// Whether the guest has said its last.
    private var isOver: Bool { status != nil || refusal != nil }
    /// How many bytes of our standard input may be read: the command may still want it and the guest keeps up.
    var inputRoom: Int { inputIsOpen && isWriter && !isOver && outgoing.count < Self.outgoingLimit ? allowance : 0 }
    /// Whether the guest should be read: our reader keeps up.
    var acceptsOutput: Bool {
        !isOver && standardOutput.count < Self.outputLimit && standardError.count < Self.outputLimit
    }
    /// Whether all output that came has been written.
    var isDrained: Bool { standardOutput.isEmpty && standardError.isEmpty }

    /// The next notice that has not been taken.
    mutating func takeNotice() -> Notice? { notices.isEmpty ? nil : notices.removeFirst() }

    /// Bytes from our standard input, no more than there is room for; none mean its end.
    mutating func input(_ bytes: ArraySlice<UInt8>) {
        guard inputIsOpen else { return }
        if bytes.isEmpty {
            inputIsOpen = false
            send(Frame(.endOfInput))
        }
        allowance -= bytes.count
        var rest = bytes
        while !rest.isEmpty {
            send(Frame(.standardInput, rest.prefix(Frame.preferredDataLength)))
            rest = rest.dropFirst(Frame.preferredDataLength)
        }
    }

    /// A signal for the command.
    mutating func signal(_ number: CInt) {
        guard !isOver, let byte = UInt8(exactly: number) else { return }
        send(Frame(.signal, [byte]))
    }

    /// The size of our terminal.
    mutating func resize(_ size: TerminalSize) {
        if !isOver { send(Frame(.resize, size.encoded()[...])) }
    }

    /// Bytes from the guest.
    ///
    /// - Throws: what is wrong with them; the conversation is then of no more use.
    mutating func receive(_ bytes: some Collection<UInt8>) throws(ProtocolError) {
        decoder.append(bytes)
        while !isOver, let frame = try decoder.next() {
            switch frame.type {
            case .started:
                let start = try SessionStart(decoding: frame.payload)
                self.start = start
                isWriter = start.isWriter
                notices.append(.started(start))
            case .standardOutput: standardOutput.append(frame.payload)
            case .standardError: standardError.append(frame.payload)
            case .inputTaken: allowance = min(InputAllowance.initial, allowance + (try InputAllowance.decode(frame.payload)))
            case .skipped: notices.append(.skipped(try SkippedOutput.decode(frame.payload)))
            case .writer:
                isWriter = true
                notices.append(.becameWriter)
            case .ended: status = try ExitStatus(decoding: frame.payload)
            case .failed: refusal = frame.text
            default: throw .unexpectedFrame(frame.type.rawValue)
            }
        }
    }

    private mutating func send(_ frame: Frame) { outgoing.append(frame.encoded()) }
}
