import AgentProtocol
import Glibc
import LinuxSystem

/// The I/O of one exec: one thread, one `poll`, five descriptors. `poll` and not `epoll`, because standard input may be a
/// regular file.
struct ExecLoop {
    private let socket: CInt
    private let streams: StandardStreams
    private let signals: SignalInbox
    private let guest: String
    private var conversation: ExecConversation
    private var chunk = [UInt8](repeating: 0, count: 32 << 10)
    private var interrupts = 0
    private var outputIsOpen = true
    private var errorIsOpen = true
    /// Why nothing more will come from the guest, when it did not end well.
    private var loss: ProxyClientError?

    /// - Parameter early: bytes of the stream that were read with the proxy's reply.
    init(
        socket: CInt, command: Command, early: [UInt8], streams: StandardStreams, signals: SignalInbox, guest: String
    ) {
        self.socket = socket
        self.streams = streams
        self.signals = signals
        self.guest = guest
        conversation = ExecConversation(command)
        receive(early[...])
    }

    /// Runs until the command has ended and its output is passed on, or the user leaves.
    mutating func run() throws(ProxyClientError) -> ExecOutcome {
        while true {
            if conversation.isDrained {
                if let status = conversation.status { return .ended(status) }
                if let loss { throw loss }
            }
            let linked = loss == nil
            var interests = [
                interest(socket, read: linked && conversation.acceptsOutput, write: linked && !conversation.outgoing.isEmpty),
                interest(streams.input, read: linked && conversation.acceptsInput),
                interest(streams.output, write: !conversation.standardOutput.isEmpty),
                interest(streams.error, write: !conversation.standardError.isEmpty),
                interest(signals.descriptor, read: true),
            ]
            if poll(&interests, nfds_t(interests.count), -1) < 0 {
                guard Errno.current == Errno(EINTR) else { throw .system(call: "poll", .current) }
                continue
            }
            if interests[4].revents != 0, let outcome = takeSignals() { return outcome }
            if interests[2].revents != 0 { writeOutput() }
            if interests[3].revents != 0 { writeError() }
            if interests[0].revents & Int16(POLLOUT) != 0 { writeToGuest() }
            if interests[0].revents & ~Int16(POLLOUT) != 0 { readFromGuest() }
            if interests[1].revents != 0 { readInput() }
        }
    }

    /// What to poll for; a descriptor of -1 is passed over, so that an end that nobody waits for does not spin the loop.
    private func interest(_ descriptor: CInt, read: Bool = false, write: Bool = false) -> pollfd {
        let events = (read ? POLLIN : 0) | (write ? POLLOUT : 0)
        return pollfd(fd: events == 0 ? -1 : descriptor, events: Int16(events), revents: 0)
    }

    // MARK: The user's side

    /// Passes signals on. The second SIGINT leaves, so that a command that ignores it cannot hold the user; after the command's
    /// end, when only its output is left, any signal does.
    private mutating func takeSignals() -> ExecOutcome? {
        while let signal = signals.next() {
            if signal == SIGINT { interrupts += 1 }
            if interrupts > 1 || conversation.status != nil || loss != nil { return .left(signal: signal) }
            conversation.signal(signal)
        }
        return nil
    }

    private mutating func readInput() {
        let count = chunk.withUnsafeMutableBytes { read(streams.input, $0.baseAddress, $0.count) }
        if count > 0 {
            conversation.input(chunk[..<count])
        } else if count == 0 || (Errno.current != Errno(EINTR) && Errno.current != Errno(EAGAIN)) {
            conversation.input([])
        }
    }

    private mutating func writeOutput() {
        if !outputIsOpen || !drain(&conversation.standardOutput, into: streams.output) {
            // As the kernel would have told the command, had it written to our pipe itself.
            if outputIsOpen { conversation.signal(SIGPIPE) }
            outputIsOpen = false
            conversation.standardOutput.removeAll()
        }
    }

    private mutating func writeError() {
        if !errorIsOpen || !drain(&conversation.standardError, into: streams.error) {
            errorIsOpen = false
            conversation.standardError.removeAll()
        }
    }

    /// Writes what `descriptor` takes without waiting: a pipe that is ready has room for `PIPE_BUF` bytes, a socket is asked
    /// not to wait. Returns false when nobody reads it any more.
    private func drain(_ queue: inout ByteQueue, into descriptor: CInt) -> Bool {
        while !queue.isEmpty {
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&ready, 1, 0) > 0 else { return true }
            var written = 0
            queue.consume(upTo: 4096) { bytes in
                written = send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
                if written < 0, Errno.current == Errno(ENOTSOCK) { written = write(descriptor, bytes.baseAddress, bytes.count) }
                return max(0, written)
            }
            if written < 0 {
                let error = Errno.current
                return error == Errno(EINTR) || error == Errno(EAGAIN)
            }
        }
        return true
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
