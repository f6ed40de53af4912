internal import AgentProtocol
internal import LinuxSystem

/// The sender's end of the stream: writes what there is to write, and meanwhile reads, so that neither side can wait for the
/// other for ever.
final class SenderStream {
    private let channel: CopyChannel
    private let observer: CopyObserver
    var writer = CopyWriter()
    private var decoder = FrameDecoder()
    private var chunk = [UInt8](repeating: 0, count: 16 << 10)
    /// Entries that the receiver has said not to want; the sender need not go on with them.
    private var rejected: Set<UInt32> = []
    private var file: UInt32 = 0
    private var result: CopyResult?
    /// The copy is over for one side or the other; only the result is still awaited.
    private(set) var isStopped = false

    init(channel: CopyChannel, observer: CopyObserver, early: [UInt8]) {
        self.channel = channel
        self.observer = observer
        decoder.append(early)
    }

    /// Whether the receiver has said that it has no use for this entry.
    func isRejected(_ number: UInt32) -> Bool { rejected.contains(number) }

    func begin(_ entry: CopyEntry) -> UInt32 {
        file = writer.add(entry)
        return file
    }

    /// Tells a problem of ours to the observer and the other side.
    func report(_ problem: CopyProblem) {
        observer.problem(problem, true)
        writer.add(.copyProblem, problem.encoded())
    }

    // MARK: Content

    /// Sends a file's content and end. Its holes stay holes where the filesystem tells them.
    func send(_ file: FileDescriptor, _ status: FileStatus, onFailure: (Errno) -> Void) throws(CopyFailure) {
        // Files of /proc and their like say 0 and have content. Any other is sent as long as it was when it was opened: one that
        // grows all the time has to end somewhere.
        let size = status.size > 0 ? status.size : .max
        var position: Int64 = 0
        var tellsHoles = status.mayHaveHoles
        while position < size {
            var end = size
            if tellsHoles {
                do throws(Errno) {
                    let data = min(size, try file.seekData(from: position) ?? size)
                    if data > position { writer.addHole(UInt64(data - position)) }
                    position = data
                    if position < size { end = min(size, try file.holeOffset(from: position)) }
                    // A filesystem that finds a hole where it has just found data is not asked again.
                    if end == position, position < size { throw .invalid }
                } catch { (tellsHoles, end) = (false, size) }
            }
            while position < end {
                guard let count = try sendData(file, upTo: end - position, onFailure) else { return writer.add(.copyAbandon) }
                guard count > 0 else { return writer.endFile() }
                position += Int64(count)
            }
        }
        writer.endFile()
    }

    /// Sends what `input` gives until its end, and waits for it as long as it takes.
    func sendInput(_ input: FileDescriptor, onFailure: (Errno) -> Void) throws(CopyFailure) {
        while true {
            // Input that comes slowly is passed on as it comes.
            if try !channel.wait(toRead: false, source: input, isPatient: false).source { try drain() }
            while true {
                let ready = try channel.wait(source: input)
                if ready.input { try receive() }
                if ready.source || isStopped { break }
            }
            guard let count = try sendData(input, upTo: .max, onFailure) else { return writer.add(.copyAbandon) }
            guard count > 0 else { return writer.endFile() }
        }
    }

    /// Reads and sends some of the file: how much, 0 at its end, nil when it cannot or need not be sent further.
    private func sendData(_ file: FileDescriptor, upTo limit: Int64, _ onFailure: (Errno) -> Void) throws(CopyFailure) -> Int? {
        guard !isStopped, !isRejected(self.file) else { return nil }
        var count = 0
        do throws(Errno) {
            count = try writer.addData(upTo: Int(min(limit, Int64(CopyWriter.dataLength)))) { buffer throws(Errno) in
                guard let count = try file.read(into: buffer) else { throw .wouldBlock }
                return count
            }
        } catch {
            onFailure(error)
            return nil
        }
        observer.moved(count)
        try flush()
        return count
    }

    // MARK: Bytes

    /// Writes when enough has come together.
    func flush() throws(CopyFailure) { if writer.pendingCount > CopyWriter.preferredPending { try drain() } }

    /// Says that everything was sent and waits for the result.
    func end() throws(CopyFailure) -> CopyResult {
        try takeFrames()
        if !isStopped { writer.add(.copyEnd) }
        try drain()
        while true {
            if let result { return result }
            _ = try channel.wait()
            try receive()
        }
    }

    /// Writes all that waits, and reads what comes meanwhile.
    private func drain() throws(CopyFailure) {
        // What was discarded may have ended inside a frame: nothing can follow it.
        if isStopped { writer.discard() }
        while writer.pendingCount > 0 {
            let ready = try channel.wait(toWrite: true)
            if ready.input { try receive() }
            if ready.output { try writeAll() }
        }
    }

    /// Writes until nothing waits or the stream takes no more.
    private func writeAll() throws(CopyFailure) {
        let channel = channel
        var isOpen = true
        var isFull = false
        while writer.pendingCount > 0, isOpen, !isFull {
            try writer.write { bytes throws(CopyFailure) in
                guard let count = try channel.write(bytes) else {
                    isOpen = false
                    return 0
                }
                isFull = count == 0
                return count
            }
        }
        if !isOpen { stop() }
    }

    private func stop() {
        isStopped = true
        writer.discard()
    }

    private func receive() throws(CopyFailure) {
        var count: Int?
        let channel = channel
        let failure: CopyFailure? = chunk.withUnsafeMutableBytes { buffer in
            do throws(CopyFailure) {
                count = try channel.read(into: buffer)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        guard let count else { return }
        guard count > 0 else { throw .streamEnded }
        decoder.append(chunk[..<count])
        try takeFrames()
    }

    private func takeFrames() throws(CopyFailure) {
        do throws(ProtocolError) {
            while result == nil, let frame = try decoder.next() {
                switch frame.type {
                case .copyProblem: heard(try CopyProblem(decoding: frame.payload))
                case .copyResult:
                    result = try CopyResult(decoding: frame.payload)
                    stop()
                default: throw .unexpectedFrame(frame.type.rawValue)
                }
            }
        } catch { throw .violation(error) }
    }

    private func heard(_ problem: CopyProblem) {
        observer.problem(problem, false)
        if problem.severity == .fatal { return stop() }
        // A receiver can name any number; what it names without end is not remembered without end.
        if problem.severity == .error, let entry = problem.entry, rejected.count < 1 << 16 { rejected.insert(entry) }
    }
}
