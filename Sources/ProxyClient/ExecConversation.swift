import AgentProtocol

/// The client's side of one `exec`: what the user does goes in and becomes frames for the guest, the guest's bytes go in and
/// become output and an exit status. A value without I/O; the queues say what to write, the `accepts…` properties when to read.
struct ExecConversation {
    /// Bytes for the guest.
    var outgoing = ByteQueue()
    /// Bytes for our standard output and error.
    var standardOutput = ByteQueue()
    var standardError = ByteQueue()
    /// How the command ended, once the guest has said so.
    private(set) var status: ExitStatus?

    private var decoder = FrameDecoder()
    private var inputIsOpen: Bool

    /// The most bytes that wait for the guest before our standard input is no longer read.
    static let outgoingLimit = 256 << 10
    /// The most bytes that wait for our standard output or error before the guest is no longer read.
    static let outputLimit = 1 << 20

    /// Begins with the command itself.
    init(_ command: Command) {
        inputIsOpen = command.wantsInput
        send(Frame(.command, ArraySlice(command.encoded())))
    }

    /// Whether our standard input should be read: the command may still want it and the guest keeps up.
    var acceptsInput: Bool { inputIsOpen && status == nil && outgoing.count < Self.outgoingLimit }
    /// Whether the guest should be read: our reader keeps up.
    var acceptsOutput: Bool {
        status == nil && standardOutput.count < Self.outputLimit && standardError.count < Self.outputLimit
    }
    /// Whether all output that came has been written.
    var isDrained: Bool { standardOutput.isEmpty && standardError.isEmpty }

    /// Bytes from our standard input; none mean its end.
    mutating func input(_ bytes: ArraySlice<UInt8>) {
        guard inputIsOpen else { return }
        if bytes.isEmpty {
            inputIsOpen = false
            send(Frame(.endOfInput))
        }
        var rest = bytes
        while !rest.isEmpty {
            send(Frame(.standardInput, rest.prefix(Frame.preferredDataLength)))
            rest = rest.dropFirst(Frame.preferredDataLength)
        }
    }

    /// A signal for the command.
    mutating func signal(_ number: CInt) {
        guard status == nil, let byte = UInt8(exactly: number) else { return }
        send(Frame(.signal, [byte]))
    }

    /// Bytes from the guest.
    ///
    /// - Throws: what is wrong with them; the conversation is then of no more use.
    mutating func receive(_ bytes: some Collection<UInt8>) throws(ProtocolError) {
        decoder.append(bytes)
        while status == nil, let frame = try decoder.next() {
            switch frame.type {
            case .started: break
            case .standardOutput: standardOutput.append(frame.payload)
            case .standardError: standardError.append(frame.payload)
            case .ended: status = try ExitStatus(decoding: frame.payload)
            default: throw .unexpectedFrame(frame.type.rawValue)
            }
        }
    }

    private mutating func send(_ frame: Frame) { outgoing.append(frame.encoded()) }
}
