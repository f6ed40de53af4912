public import AgentProtocol
public import LinuxSystem

/// Sends a file or tree: the agent's side of copy-out, the client's of copy-in.
///
/// Symbolic links below the top are never followed: each directory is opened relative to the one above it, and as itself.
public final class TreeSender {
    private let request: CopyRequest
    private let observer: CopyObserver
    let stream: SenderStream
    /// What the entry at hand is called on this side.
    private var path: [UInt8] = []
    private var levels: [Level] = []
    private var links = SentLinks()
    /// The device that the top is on.
    private var device: UInt64 = 0

    /// A directory whose entries are being sent.
    private struct Level {
        var listing: DirectoryListing
        var pathLength: Int
        var number: UInt32
    }

    /// A sender for what `request` asks for.
    ///
    /// - Parameter early: bytes of the stream that were read before.
    public init(_ request: CopyRequest, channel: CopyChannel, observer: CopyObserver = CopyObserver(), early: [UInt8] = []) {
        self.request = request
        self.observer = observer
        stream = SenderStream(channel: channel, observer: observer, early: early)
    }

    deinit { for level in levels { level.listing.close() } }

    /// Sends the request itself, first of all: for the client.
    public func sendRequest() { stream.writer.add(.copyRequest, request.encoded()) }

    /// Sends the file, directory or link at `path` and waits for the receiver's result.
    public func send(_ path: [UInt8]) throws(CopyFailure) -> CopyResult {
        self.path = path
        try sendTop(path.isEmpty ? FileName(".") : FileName(path))
        while let level = levels.last { try sendNext(level) }
        return try stream.end()
    }

    /// Sends what an open file, such as standard input, gives until its end, as the file `entry`, and waits for the result.
    public func send(_ input: FileDescriptor, as entry: CopyEntry) throws(CopyFailure) -> CopyResult {
        path = [UInt8(ascii: "-")]
        let number = begin(entry)
        try stream.sendInput(input) { error in reportUnreadable(error, number) }
        return try stream.end()
    }

    // MARK: Entries

    private func sendTop(_ name: FileName) throws(CopyFailure) {
        // A link is followed where only a file can be meant.
        let followsLinks = !request.isRecursive
        guard let status = attempt({ () throws(Errno) in try OpenDirectory.working.status(of: name, followsLinks: followsLinks) }) else {
            return
        }
        device = status.identity.device
        switch status.kind {
        case .directory where !request.isRecursive: report(.error, "is a directory; give -r to copy it with all that is in it")
        case .special(let what): report(.error, "is a " + what + "; only files, directories and links are copied")
        default: try send(name, [], status, in: .working, followsLinks: followsLinks)
        }
    }

    /// Sends the next entry of the directory at hand, or its end.
    private func sendNext(_ level: Level) throws(CopyFailure) {
        path.removeLast(path.count - level.pathLength)
        var next: FileName?
        if !stream.isStopped, !stream.isRejected(level.number) {
            next = attempt { () throws(Errno) in try level.listing.next() } ?? nil
        }
        guard let name = next else {
            level.listing.close()
            levels.removeLast()
            stream.writer.add(.copyLeave)
            return try stream.flush()
        }
        if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        let bytes = name.bytes
        path += bytes
        let directory = level.listing.directory
        if let status = attempt({ () throws(Errno) in try directory.status(of: name) }) {
            try send(name, bytes, status, in: directory, followsLinks: false)
        }
        try stream.flush()
    }

    private func send(
        _ name: FileName, _ bytes: [UInt8], _ status: FileStatus, in directory: OpenDirectory, followsLinks: Bool
    ) throws(CopyFailure) {
        switch status.kind {
        case .special(let what): report(.warning, "is a " + what + ", which is not copied")
        case .symbolicLink:
            guard let target = attempt({ () throws(Errno) in try directory.linkTarget(name) }) else { return }
            _ = begin(CopyEntry(.symbolicLink(target), name: bytes, status))
        case .directory: enter(name, bytes, status, in: directory, followsLinks: followsLinks)
        case .file: try sendFile(name, bytes, in: directory, followsLinks: followsLinks)
        }
    }

    private func enter(_ name: FileName, _ bytes: [UInt8], _ status: FileStatus, in directory: OpenDirectory, followsLinks: Bool) {
        guard levels.count < CopyEntry.maximumDepth else {
            return report(.error, "is nested too deep to be copied")
        }
        let entry = CopyEntry(.directory, name: bytes, status)
        if request.staysOnFileSystem, status.identity.device != device {
            _ = begin(entry)
            return stream.writer.add(.copyLeave)
        }
        let hasSlash = path.last == UInt8(ascii: "/")
        let listing = attempt { () throws(Errno) in
            try DirectoryListing(try directory.directory(name, followsLinks: followsLinks || hasSlash))
        }
        guard let listing else { return }
        levels.append(Level(listing: listing, pathLength: path.count, number: begin(entry)))
    }

    private func sendFile(
        _ name: FileName, _ bytes: [UInt8], in directory: OpenDirectory, followsLinks: Bool
    ) throws(CopyFailure) {
        guard let file = attempt({ () throws(Errno) in try directory.file(name, followsLinks: followsLinks) }) else { return }
        defer { file.close() }
        // The name may have become another's since it was looked at.
        guard let status = attempt({ () throws(Errno) in try file.status() }) else { return }
        guard case .file = status.kind else { return report(.error, "has changed while it was being copied") }
        var number: UInt32 = 0
        if status.names > 1, !bytes.isEmpty {
            switch links.look(status.identity) {
            case .sent(let first):
                _ = begin(CopyEntry(.hardLink(first), name: bytes, status))
                return
            case .new(let own): number = own
            case .unknown: break
            }
        }
        let size = UInt64(status.size)
        let entry = begin(CopyEntry(.file(size: size == 0 ? nil : size, link: number), name: bytes, status))
        try stream.send(file, status) { error in reportUnreadable(error, entry) }
    }

    private func begin(_ entry: CopyEntry) -> UInt32 {
        observer.began(entry)
        return stream.begin(entry)
    }

    // MARK: Problems

    // Out of line, as are the other ways to fail here: they are many and rare, and the agent is to be small.
    @inline(never) private func report(_ severity: CopyProblem.Severity, _ text: String, entry: UInt32? = nil) {
        stream.report(CopyProblem(severity, entry: entry, path: path, text: text))
    }

    @inline(never) private func report(_ error: Errno) { report(.error, error.description) }

    @inline(never) private func reportUnreadable(_ error: Errno, _ entry: UInt32) {
        report(.error, "cannot be read: " + error.description, entry: entry)
    }

    /// Makes a system call for the entry at hand. Nil when it failed, which is reported.
    private func attempt<Value>(_ call: () throws(Errno) -> Value) -> Value? {
        do throws(Errno) { return try call() } catch {
            report(error)
            return nil
        }
    }
}

/// The link numbers of files with several names: from 1 on, in the order of sending.
private struct SentLinks {
    enum Found {
        /// Its content was sent with this number.
        case sent(UInt32)
        /// Its content is to be sent with this number.
        case new(UInt32)
        /// There are no numbers left: it is sent as if it had no other name.
        case unknown
    }

    private var numbers: [FileIdentity: UInt32] = [:]

    mutating func look(_ file: FileIdentity) -> Found {
        if let number = numbers[file] { return .sent(number) }
        guard numbers.count < CopyEntry.maximumLinks else { return .unknown }
        let number = UInt32(numbers.count + 1)
        numbers[file] = number
        return .new(number)
    }
}
