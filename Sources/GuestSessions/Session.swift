internal import AgentProtocol
internal import CLinux
internal import LinuxSystem
internal import Yamux

typealias SessionID = UInt64

/// One shell or command and the stream that carries it. Bytes wait in the kernel's pipes and in the stream's window, never
/// here without bound: input is credited to the client only when the process has taken it, output is read only when the
/// stream can take it.
final class Session {
    let id: SessionID
    let service: Service
    /// The stream; nil once it is gone, while the process still ends.
    private(set) var stream: UInt32?
    private var process: SessionProcess?
    private var input: FileDescriptor?
    private var inputQueue = ByteQueue()
    private var inputEnded = false
    private var output: OutputPipe?
    private var errorOutput: OutputPipe?
    private var end: ExitStatus?
    private var decoder = FrameDecoder()

    /// Our end of a pipe that the process writes to.
    private struct OutputPipe {
        var descriptor: FileDescriptor
        /// How much is still to be read after the process has ended: what it had written by then. An orphan that holds
        /// the pipe can neither delay the end nor add to the output. Nil while the process runs.
        var remaining: Int?
    }

    init(id: SessionID, service: Service, stream: UInt32) {
        self.id = id
        self.service = service
        self.stream = stream
    }

    /// True when nothing of it is left.
    var isOver: Bool { stream == nil && process == nil }

    /// Whether its command or shell has been started.
    var isStarted: Bool { process != nil || end != nil }

    // MARK: Start

    /// Starts what needs no command from the client: its bytes are the process's.
    func startRaw(_ environment: SessionEnvironment, _ loop: Watcher) throws(SessionProcess.StartFailure) {
        adopt(try service == .shell ? SessionProcess.shell(environment) : SessionProcess.copy(service, environment), loop)
    }

    private func startCommand(_ command: Command, _ environment: SessionEnvironment, _ loop: Watcher, _ link: Link) {
        do throws(SessionProcess.StartFailure) {
            adopt(try SessionProcess.command(command, environment), loop)
            if !command.wantsInput { inputEnded = true }
            if let identifier = process?.child.identifier, let stream {
                let bits = UInt32(bitPattern: identifier)
                let payload: [UInt8] = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
                link.sendWhole(stream, Frame(.started, payload[...]).encoded())
            }
            writeInput(loop, link)
        } catch {
            end = .notStarted(code: error.code, reason: error.reason)
            pump(loop, link)
        }
    }

    private func adopt(_ process: SessionProcess, _ loop: Watcher) {
        self.process = process
        input = process.input
        output = OutputPipe(descriptor: process.output)
        errorOutput = process.errorOutput.map { OutputPipe(descriptor: $0) }
        loop.watch(process.child.pidfd, .readable, .end(id))
        loop.watch(process.output, .readable, .output(id))
        if let errors = process.errorOutput { loop.watch(errors, .readable, .errorOutput(id)) }
    }

    // MARK: From the client

    /// Takes bytes that arrived on the stream. The credit for what is queued for the process is given when it is written.
    func received(_ bytes: ArraySlice<UInt8>, _ environment: SessionEnvironment, _ loop: Watcher, _ link: Link) {
        guard let stream else { return }
        if service != .exec {
            if input == nil { return link.consumed(stream, bytes.count) }
            inputQueue.append(bytes)
            return writeInput(loop, link)
        }
        decoder.append(bytes)
        let queuedBefore = inputQueue.count
        do throws(ProtocolError) {
            while let frame = try decoder.next() { try obey(frame, environment, loop, link) }
        } catch {
            writeKernelLog(.notice, "session \(id) ended: \(error.text)")
            link.reset(stream)
            return streamLost(loop)
        }
        link.consumed(stream, max(0, bytes.count - max(0, inputQueue.count - queuedBefore)))
        writeInput(loop, link)
    }

    private func obey(_ frame: Frame, _ environment: SessionEnvironment, _ loop: Watcher, _ link: Link) throws(ProtocolError) {
        switch frame.type {
        case .command where !isStarted:
            let command = try Command(decoding: frame.payload)
            startCommand(command, environment, loop, link)
        case .standardInput where isStarted:
            if input != nil, !inputEnded { inputQueue.append(frame.payload) }
        case .endOfInput: inputEnded = true
        case .signal where isStarted:
            guard frame.payload.count == 1, let signal = frame.payload.first, signal > 0, signal < 65 else { throw .invalid("signal") }
            process?.child.signalGroup(CInt(signal))
        default: throw .unexpectedFrame(frame.type.rawValue)
        }
    }

    /// The client has no more to send.
    func inputFinished(_ loop: Watcher, _ link: Link) {
        inputEnded = true
        writeInput(loop, link)
    }

    /// The process's input pipe takes bytes again, or its reader is gone.
    func writeInput(_ loop: Watcher, _ link: Link) {
        guard let input else {
            discardInput(link)
            return
        }
        while !inputQueue.isEmpty {
            var failed = false
            var blocked = false
            let written = inputQueue.take { buffer in
                do throws(Errno) {
                    if let count = try input.write(buffer) { return count }
                    blocked = true
                } catch { failed = true }
                return 0
            }
            if let stream, written > 0 { link.consumed(stream, written) }
            if failed { return closeInput(loop, link) }
            if blocked { return loop.watch(input, .writable, .input(id)) }
        }
        if inputEnded { return closeInput(loop, link) }
        loop.watch(input, [], .input(id))
    }

    private func closeInput(_ loop: Watcher, _ link: Link) {
        if let input { loop.close(input) }
        input = nil
        discardInput(link)
    }

    private func discardInput(_ link: Link) {
        if let stream, !inputQueue.isEmpty { link.consumed(stream, inputQueue.count) }
        inputQueue.removeAll()
    }

    // MARK: To the client

    /// Sends what the process has written as far as the stream takes it, then, after its end, how it ended.
    func pump(_ loop: Watcher, _ link: Link) {
        guard let stream else { return }
        output = pump(output, .standardOutput, .output(id), stream, loop, link)
        errorOutput = pump(errorOutput, .standardError, .errorOutput(id), stream, loop, link)
        guard let end, output == nil, errorOutput == nil else { return }
        if service == .exec {
            let frame = Frame(.ended, ArraySlice(end.encoded())).encoded()
            guard link.capacity(stream, wanted: frame.count) >= frame.count else { return }
            link.sendWhole(stream, frame)
        }
        link.finish(stream)
        closeInput(loop, link)
        self.stream = nil
    }

    private func pump(
        _ pipe: OutputPipe?, _ type: FrameType, _ source: EventSource, _ stream: UInt32, _ loop: Watcher, _ link: Link
    ) -> OutputPipe? {
        guard var pipe else { return nil }
        let overhead = service == .exec ? Frame.headerLength : 0
        while pipe.remaining != 0 {
            let room = min(link.capacity(stream, wanted: overhead + 1) - overhead, Frame.preferredDataLength, pipe.remaining ?? .max)
            guard room > 0 else {
                // Not watched until the stream is writable again.
                loop.watch(pipe.descriptor, [], source)
                return pipe
            }
            switch Session.read(pipe.descriptor, room) {
            case .bytes(let bytes):
                pipe.remaining = pipe.remaining.map { $0 - bytes.count }
                if overhead > 0 {
                    link.sendWhole(stream, Frame.header(type, length: bytes.count) + bytes)
                } else {
                    link.sendWhole(stream, bytes)
                }
            case .later where pipe.remaining == nil:
                loop.watch(pipe.descriptor, .readable, source)
                return pipe
            case .later, .ended: pipe.remaining = 0
            }
        }
        loop.close(pipe.descriptor)
        return nil
    }

    private enum ReadResult { case bytes([UInt8]), later, ended }

    private static func read(_ descriptor: FileDescriptor, _ count: Int) -> ReadResult {
        var failed = false
        var got: Int?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Errno) { got = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer)) } catch { failed = true }
            initialized = got ?? 0
        }
        if failed { return .ended }
        guard let got else { return .later }
        return got == 0 ? .ended : .bytes(bytes)
    }

    // MARK: Ends

    /// The process may have ended.
    func processEnded(_ loop: Watcher, _ link: Link) {
        guard let process, let ending = process.child.end() else { return }
        switch ending {
        case .exited(let code): end = .exited(code)
        case .signaled(let signal): end = .signaled(signal)
        }
        if let descriptor = output?.descriptor { output?.remaining = max(0, Int(linux_readable_bytes(descriptor.rawValue))) }
        if let descriptor = errorOutput?.descriptor { errorOutput?.remaining = max(0, Int(linux_readable_bytes(descriptor.rawValue))) }
        loop.close(process.child.pidfd)
        self.process = nil
        pump(loop, link)
    }

    /// The stream or its link is gone: the process is told, as by a terminal that hung up, and its pipes are closed.
    func streamLost(_ loop: Watcher) {
        stream = nil
        process?.child.signalGroup(SIGHUP)
        for descriptor in [input, output?.descriptor, errorOutput?.descriptor] {
            if let descriptor { loop.close(descriptor) }
        }
        (input, output, errorOutput) = (nil, nil, nil)
        inputQueue.removeAll()
    }
}
