import AgentProtocol
import Glibc
import LinuxSystem

/// The I/O of one exec or attach: one thread, one `poll`, five descriptors. `poll` and not `epoll`, because standard input may
/// be a regular file.
struct ExecLoop {
    /// What the stream is for, and so whose the signals are.
    enum Manner: Equatable {
        /// A command that lives as long as this client waits for it.
        case command
        /// A command that is only started.
        case start
        /// A session that lives on without this client.
        case attach
    }

    private let manner: Manner
    private let socket: CInt
    private let streams: StandardStreams
    private let signals: SignalInbox
    private let guest: String
    private let say: (String) -> Void
    private let userTerminal: RawTerminal?
    private var terminal: ExecTerminal?
    private var conversation: ExecConversation
    /// What was typed and is no escape, until the guest takes it.
    private var typed = ByteQueue()
    private var chunk = [UInt8](repeating: 0, count: 32 << 10)
    private var seenSignals: Set<CInt> = []
    /// Whether the command was stopped because this client was.
    private var isPaused = false
    private var outputIsOpen = true
    private var errorIsOpen = true
    /// Why output of the command's is lost, other than that nobody wants to read it.
    private var outputFailure: ProxyClientError?
    /// Why nothing more will come from the guest, when it did not end well.
    private var loss: ProxyClientError?

    /// The most bytes that are typed ahead before a terminal is no longer read, and so no escape is seen.
    private static let typedLimit = 64 << 10

    /// - Parameters:
    ///   - early: bytes of the stream that were read with the proxy's reply.
    ///   - terminal: the user's, where standard input is one and the session has one or may have one.
    ///   - say: takes a line for the user, without its line feed.
    init(
        _ manner: Manner, _ conversation: ExecConversation, socket: CInt, early: [UInt8], streams: StandardStreams, signals: SignalInbox,
        guest: String, terminal: RawTerminal? = nil, say: @escaping (String) -> Void = { _ in }
    ) {
        self.manner = manner
        self.conversation = conversation
        self.socket = socket
        self.streams = streams
        self.signals = signals
        self.guest = guest
        self.say = say
        userTerminal = terminal
        if manner == .command { self.terminal = terminal.map { ExecTerminal($0, raw: true, canDetach: false) } }
        receive(early[...])
    }

    /// Runs until the command has ended and its output is passed on, or the user leaves.
    mutating func run() throws(ProxyClientError) -> ExecOutcome {
        terminal?.enter()
        defer { terminal?.leave() }
        while true {
            while let notice = conversation.takeNotice() {
                if let outcome = take(notice) { return outcome }
            }
            if conversation.isDrained {
                // The command runs to its end all the same: its other output, and what it does, may be wanted.
                if let outputFailure, conversation.status != nil { throw outputFailure }
                if let status = conversation.status { return .ended(status) }
                if let refusal = conversation.refusal { throw .refused(request: "guest '\(guest)'", reason: refusal) }
                if let loss { throw loss }
            }
            passTyped()
            let linked = loss == nil
            // A terminal is read also while the guest takes no input: there must be a way out.
            let wantsInput = terminal == nil ? conversation.inputRoom > 0 : typed.count < Self.typedLimit
            var interests = [
                interest(socket, read: linked && conversation.acceptsOutput, write: linked && !conversation.outgoing.isEmpty),
                interest(streams.input, read: linked && wantsInput),
                interest(streams.output, write: !conversation.standardOutput.isEmpty),
                interest(streams.error, write: !conversation.standardError.isEmpty),
                interest(signals.descriptor, read: true),
            ]
            if poll(&interests, nfds_t(interests.count), -1) < 0 {
                guard Errno.current == Errno(EINTR) else { throw .system(call: "poll", .current) }
                continue
            }
            if interests[4].revents != 0, let outcome = takeSignals() { return outcome }
            if interests[2].revents != 0, let outcome = try writeOutput() { return outcome }
            if interests[3].revents != 0 { writeError() }
            if interests[0].revents & Int16(POLLOUT) != 0 { writeToGuest() }
            if interests[0].revents & ~Int16(POLLOUT) != 0 { readFromGuest() }
            if interests[1].revents != 0, let outcome = readInput() { return outcome }
        }
    }

    /// What to poll for; a descriptor of -1 is passed over, so that an end that nobody waits for does not spin the loop.
    private func interest(_ descriptor: CInt, read: Bool = false, write: Bool = false) -> pollfd {
        let events = (read ? POLLIN : 0) | (write ? POLLOUT : 0)
        return pollfd(fd: events == 0 ? -1 : descriptor, events: Int16(events), revents: 0)
    }

    // MARK: The user's side

    private mutating func take(_ notice: ExecConversation.Notice) -> ExecOutcome? {
        switch notice {
        case .started(let start):
            if manner == .start { return .detached(session: start.session) }
            guard manner == .attach else { break }
            terminal = userTerminal.map { ExecTerminal($0, raw: start.isTerminal, canDetach: true) }
            terminal?.enter()
            if !start.isWriter { tell("session \(start.session) has a client that writes, or takes no input: this one sees its output") }
        case .skipped(let count): tell("\(count) bytes of output were missed here: they came faster than this client took them")
        case .becameWriter:
            sendSize()
            tell("the client that wrote has left: this one's input counts now")
        }
        return nil
    }

    /// Says a line to the user; a raw terminal needs the carriage return as well.
    private func tell(_ line: String) { say(terminal?.isRaw == true ? line + "\r" : line) }

    private mutating func sendSize() { if let userTerminal { conversation.resize(userTerminal.size) } }

    /// Passes signals on, or acts on them itself.
    private mutating func takeSignals() -> ExecOutcome? {
        while let signal = signals.next() {
            switch signal {
            case SIGWINCH: sendSize()
            case SIGTSTP: suspend()
            case SIGCONT: resume()
            case SIGINT, SIGTERM, SIGHUP, SIGQUIT:
                if leaves(at: signal) { return .left(signal: signal) }
                conversation.signal(signal)
            default: conversation.signal(signal)
            }
        }
        return nil
    }

    /// Whether a signal that asks for the end is for this client, and not for the command: always when the session lives on
    /// without the client; after the command's end, when only its output is left; when it came before, so that a command that
    /// passes over it cannot hold the user; and the end of the user's own terminal.
    private mutating func leaves(at signal: CInt) -> Bool {
        if manner == .attach || conversation.status != nil || loss != nil { return true }
        if terminal != nil, signal == SIGTERM || signal == SIGHUP { return true }
        return !seenSignals.insert(signal).inserted
    }

    /// Stops this client as a job of its shell, and a command that has no terminal of its own with it.
    private mutating func suspend() {
        if manner == .command, terminal == nil {
            // Not SIGTSTP: the command's process group has nobody in its session who could continue it, and so would not stop.
            conversation.signal(SIGSTOP)
            isPaused = true
            writeToGuest()
        }
        terminal?.leave()
        kill(getpid(), SIGSTOP)
    }

    private mutating func resume() {
        if isPaused { conversation.signal(SIGCONT) }
        isPaused = false
        terminal?.enter()
        if terminal != nil { sendSize() }
    }

    private mutating func readInput() -> ExecOutcome? {
        let room = min(chunk.count, terminal == nil ? conversation.inputRoom : Self.typedLimit)
        guard room > 0 else { return nil }
        let count = chunk.withUnsafeMutableBytes { read(streams.input, $0.baseAddress, room) }
        if count < 0, Errno.current == Errno(EINTR) || Errno.current == Errno(EAGAIN) { return nil }
        guard count > 0 else {
            // A raw terminal has an end only when it is gone.
            if terminal?.isRaw == true { return .left(signal: SIGHUP) }
            conversation.input([])
            return nil
        }
        guard terminal != nil else {
            conversation.input(chunk[..<count])
            return nil
        }
        for action in terminal?.parse(chunk[..<count]) ?? [] {
            switch action {
            case .send(let bytes): typed.append(bytes)
            case .leave, .detach:
                if manner == .attach, let start = conversation.start { return .detached(session: start.session) }
                return .disconnected
            case .suspend: suspend()
            case .help: for line in terminal?.help ?? [] { tell(line) }
            }
        }
        return nil
    }

    /// Sends what was typed, as far as the guest takes it; what is typed while another client writes is for nobody.
    private mutating func passTyped() {
        if manner == .attach, !conversation.isWriter { typed.removeAll() }
        while !typed.isEmpty, conversation.inputRoom > 0 {
            typed.consume(upTo: min(Frame.preferredDataLength, conversation.inputRoom)) { bytes in
                conversation.input(ArraySlice(bytes))
                return bytes.count
            }
        }
    }

    private mutating func writeOutput() throws(ProxyClientError) -> ExecOutcome? {
        let failure = outputIsOpen ? drain(&conversation.standardOutput, into: streams.output) : nil
        guard failure != nil || !outputIsOpen else { return nil }
        if let failure, !failure.isClosedReader {
            let error = ProxyClientError.cannotWrite(stream: "standard output", failure)
            if manner == .attach { throw error }
            outputFailure = error
        }
        if manner == .attach { return .left(signal: SIGPIPE) }
        // As the kernel would have told the command, had it written to our pipe itself.
        if outputIsOpen { conversation.signal(SIGPIPE) }
        outputIsOpen = false
        conversation.standardOutput.removeAll()
        return nil
    }

    private mutating func writeError() {
        let failure = errorIsOpen ? drain(&conversation.standardError, into: streams.error) : nil
        guard failure != nil || !errorIsOpen else { return }
        if let failure, !failure.isClosedReader, outputFailure == nil {
            outputFailure = .cannotWrite(stream: "standard error", failure)
        }
        errorIsOpen = false
        conversation.standardError.removeAll()
    }

    /// Writes what `descriptor` takes without waiting: a pipe that is ready has room for `PIPE_BUF` bytes, a socket is asked
    /// not to wait. Returns why it takes no more.
    private func drain(_ queue: inout ByteQueue, into descriptor: CInt) -> Errno? {
        while !queue.isEmpty {
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&ready, 1, 0) > 0 else { return nil }
            var written = 0
            queue.consume(upTo: 4096) { bytes in
                written = send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
                if written < 0, Errno.current == Errno(ENOTSOCK) { written = write(descriptor, bytes.baseAddress, bytes.count) }
                return max(0, written)
            }
            if written < 0 {
                let error = Errno.current
                return error == Errno(EINTR) || error == Errno(EAGAIN) ? nil : error
            }
        }
        return nil
    }

    // MARK: The guest's side

    private mutating func writeToGuest() {
        var failure: Errno?
        while !conversation.outgoing.isEmpty, failure == nil {
            conversation.outgoing.consume(upTo: 256 << 10) { bytes in
                let count = send(socket, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
                if count < 0 { failure = .current }
                return max(0, count)
            }
        }
        switch failure {
        case nil, Errno(EINTR), Errno(EAGAIN): return
        case Errno(EPIPE), Errno(ECONNRESET):
            // The guest stopped listening; what it said before that, the command's end perhaps, is still to be read.
            conversation.outgoing.removeAll()
        case .some(let error): loss = .linkLost(guest: guest, why: "\(error)")
        }
    }

    private mutating func readFromGuest() {
        let count = chunk.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        if count > 0 { return receive(chunk[..<count]) }
        if count == 0 { return loss = .linkLost(guest: guest, why: nil) }
        let error = Errno.current
        if error != Errno(EINTR), error != Errno(EAGAIN) { loss = .linkLost(guest: guest, why: "\(error)") }
    }

    private mutating func receive(_ bytes: ArraySlice<UInt8>) {
        do {
            try conversation.receive(bytes)
        } catch {
            loss = .linkLost(guest: guest, why: error.text)
        }
    }
}

extension Errno {
    /// Whether it says only that nobody reads what is written.
    fileprivate var isClosedReader: Bool { self == Errno(EPIPE) || self == Errno(ECONNRESET) }
}
