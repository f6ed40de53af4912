public import AgentProtocol
public import LinuxSystem

/// What a receiver writes to.
public enum CopyTarget: Sendable {
    /// A place in this machine's files.
    case files(CopyDestination)
    /// An open descriptor, for the content of one file.
    case stream(FileDescriptor)
}

/// Receives a file or tree: the agent's side of copy-in, the client's of copy-out. The sender may be hostile: whatever it
/// sends, nothing is written outside the target, and no half file is left under its final name.
public final class TreeReceiver {
    private let channel: CopyChannel
    private let observer: CopyObserver
    private var reader: CopyReader
    private var sink: (any EntrySink)?
    /// What this side, a client, has asked for: the sender is held to it. Nil on the agent's side, where the client is obeyed.
    private let request: CopyRequest?
    private var result = CopyResult()
    private var entries: UInt32 = 0
    private var file: UInt32?
    /// The numbers of the directories that were entered.
    private var directories: [UInt32] = []
    /// How many directories deep what comes has no place.
    private var passedOver = 0
    private var isOver = false
    /// Frames for the sender, which reads them while it writes.
    private var outgoing: [UInt8] = []

    private static let chunkLength = 256 << 10

    private init(_ sink: (any EntrySink)?, _ channel: CopyChannel, _ observer: CopyObserver, request: CopyRequest?) {
        self.sink = sink
        self.request = request
        self.channel = channel
        self.observer = observer
        if let request { outgoing = Frame(.copyRequest, ArraySlice(request.encoded())).encoded() }
        reader = CopyReader(expectsRequest: sink == nil)
    }

    /// The agent's receiver: the client's request, the first frame, says where to.
    public static func ofAgent(_ channel: CopyChannel) -> TreeReceiver { TreeReceiver(nil, channel, CopyObserver(), request: nil) }

    /// The client's receiver, which sends its request first.
    public static func ofClient(
        _ target: CopyTarget, request: CopyRequest, channel: CopyChannel, observer: CopyObserver = CopyObserver()
    ) -> TreeReceiver {
        let sink: any EntrySink =
            switch target {
            case .files(let destination): TreeWriter(destination)
            case .stream(let output): StreamWriter(output, interruption: channel.interruption)
            }
        return TreeReceiver(sink, channel, observer, request: request)
    }

    /// Receives until everything is in its place.
    ///
    /// - Parameter early: bytes of the stream that were read before.
    public func receive(early: [UInt8] = []) throws(CopyFailure) -> CopyResult {
        defer { sink?.discard() }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: TreeReceiver.chunkLength, alignment: 16)
        defer { chunk.deallocate() }
        try flush()
        var start = early.startIndex
        while start < early.endIndex, !isOver {
            let end = min(early.endIndex, start + chunk.count)
            chunk.copyBytes(from: early[start..<end])
            try take(UnsafeRawBufferPointer(rebasing: chunk[..<(end - start)]))
            start = end
        }
        while !isOver {
            guard try channel.wait().input else { continue }
            if try channel.take(by: chunk, { bytes throws(CopyFailure) in try take(bytes) }) == 0 { throw .streamEnded }
        }
        outgoing += Frame(.copyResult, ArraySlice(result.encoded())).encoded()
        try flush()
        return result
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws(CopyFailure) {
        var bytes = bytes
        do throws(ProtocolError) {
            while !isOver, let event = try reader.next(&bytes) { handle(event) }
        } catch { throw .violation(error) }
        try flush()
    }

    /// Writes what waits for the sender.
    private func flush() throws(CopyFailure) {
        while !outgoing.isEmpty {
            guard try channel.wait(toRead: false, toWrite: true).output else { continue }
            var failure: CopyFailure?
            let count: Int? = outgoing.withUnsafeBytes { bytes in
                do throws(CopyFailure) { return try channel.write(bytes) } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            // A sender that is gone has ended the stream, which the next read says.
            guard let count else { return outgoing.removeAll() }
            outgoing.removeFirst(count)
        }
    }

    // MARK: Events

    private func handle(_ event: CopyEvent) {
        switch event {
        case .request(let request):
            sink = TreeWriter(
                CopyDestination(
                    path: request.path, name: request.name, needsDirectory: request.needsDirectory, keepsOwner: request.keepsOwner,
                    keepsSetID: true))
        case .entry(let entry): begin(entry)
        case .data(let bytes):
            observer.moved(bytes.count)
            guard file != nil else { return }
            result.bytes += UInt64(bytes.count)
            attemptInFile { sink throws(CopyFault) in try sink.write(bytes) }
        case .hole(let length): attemptInFile { sink throws(CopyFault) in try sink.skip(length) }
        case .fileEnded(let isIntact): endFile(isIntact)
        case .fileAbandoned:
            sink?.abandon()
            file = nil
        case .left: leave()
        case .problem(let problem): observer.problem(problem, false)
        case .ended: isOver = true
        }
    }

    private func begin(_ entry: CopyEntry) {
        let number = entries
        entries &+= 1
        observer.began(entry)
        if number == 0, let fault = fault(inTop: entry) {
            return report(CopyProblem(.fatal, entry: number, path: request?.path ?? [], text: fault))
        }
        let isDirectory = entry.kind == .directory
        if passedOver > 0 {
            if isDirectory { passedOver += 1 }
            return
        }
        guard attempt(number, { sink throws(CopyFault) in try sink.begin(entry) }) else {
            if isDirectory { passedOver = 1 }
            return
        }
        switch entry.kind {
        case .file: file = number
        case .directory: directories.append(number)
        case .symbolicLink, .hardLink: result.entries += 1
        }
    }

    /// What is wrong with the entry that the copy begins with, or nil: a guest that sends something else than was asked for
    /// would choose what is made here.
    private func fault(inTop entry: CopyEntry) -> String? {
        guard let request else { return nil }
        switch entry.kind {
        case .file: return nil
        case .directory: return request.isRecursive ? nil : "the guest sent a directory where a file was asked for"
        case .symbolicLink where request.isRecursive: return nil
        case .symbolicLink, .hardLink: return "the guest sent a link where a file was asked for"
        }
    }

    private func endFile(_ isIntact: Bool) {
        guard let number = file else { return }
        file = nil
        if attempt(number, { sink throws(CopyFault) in try sink.endFile(isIntact: isIntact) }) { result.entries += 1 }
    }

    private func leave() {
        guard passedOver == 0 else { return passedOver -= 1 }
        guard let number = directories.popLast() else { return }
        if attempt(number, { sink throws(CopyFault) in try sink.leave() }) { result.entries += 1 }
    }

    /// Works on the file at hand; when that fails, what is left of it is passed over.
    private func attemptInFile(_ body: (any EntrySink) throws(CopyFault) -> Void) {
        guard let number = file, !attempt(number, body) else { return }
        sink?.abandon()
        file = nil
    }

    /// Lets `body` work on an entry; false when it failed, which is reported.
    private func attempt(_ entry: UInt32, _ body: (any EntrySink) throws(CopyFault) -> Void) -> Bool {
        guard let sink else { return false }
        do throws(CopyFault) {
            try body(sink)
            return true
        } catch {
            report(CopyProblem(error.severity, entry: entry, path: error.path, text: error.text))
            return false
        }
    }

    private func report(_ problem: CopyProblem) {
        result.errors &+= 1
        observer.problem(problem, true)
        outgoing += Frame(.copyProblem, ArraySlice(problem.encoded())).encoded()
        if problem.severity == .fatal { isOver = true }
    }
}
