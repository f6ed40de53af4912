internal import CLinux
public import LinuxSystem

/// Where PID 1 waits for `vm-agent resume` after a boot has failed: a packet socket in the abstract namespace, which needs no
/// directory and so outlives a switch of the root that went half the way. It is there only while there is something to resume.
public struct ResumeSocket: Sendable {
    private static let name = "vm-agent-resume"

    /// Readable when somebody asks. Whoever made the socket closes it.
    public let listener: FileDescriptor

    /// Begins to listen.
    public init() throws(Errno) {
        let socket = linux_listen_packets(ResumeSocket.name)
        guard socket >= 0 else { throw .current }
        listener = FileDescriptor(rawValue: socket)
    }

    /// The next request, of root only, and who is to be told what becomes of it; nil when there is none. A client that says
    /// nothing keeps PID 1 for a second at most.
    public func next() -> (request: ResumeRequest, client: ResumeClient)? {
        let socket = linux_accept_now(listener.rawValue)
        guard socket >= 0 else { return nil }
        let client = ResumeClient(FileDescriptor(rawValue: socket))
        var peer = linux_peer()
        guard linux_peer_of(socket, &peer) == 0, peer.user == 0 else {
            client.end(.refused, "only root may ask for that")
            return nil
        }
        guard case .said(let text) = client.receive(milliseconds: 1_000),
            let request = ResumeRequest(text: String(decoding: text, as: UTF8.self))
        else {
            client.close()
            return nil
        }
        return (request, client)
    }

    /// Whether another root was moved over this process's own: `..` leads to it.
    private static var isLeftBehind: Bool {
        var (own, above) = (stat(), stat())
        return stat("/", &own) == 0 && stat("/..", &above) == 0 && own.st_dev != above.st_dev
    }

    /// Asks PID 1 and hands on what it says, to its end. What it says is `say`d, with whether it is an error.
    ///
    /// - Returns: the exit code.
    public static func ask(_ request: ResumeRequest, _ say: (String, Bool) -> Void) -> CInt {
        let socket = linux_connect_packets(name)
        guard socket >= 0 else {
            say(
                "there is no failed boot to resume in this guest (" + Errno.current.description
                    + "): it has booted, or is booting; 'vm ps --steps' on the host shows where it is", true)
            return 1
        }
        let client = ResumeClient(FileDescriptor(rawValue: socket))
        defer {
            client.close()
            if isLeftBehind { say("this shell still has the initrd's root: 'exec chroot /.. sh' changes to the guest's own", true) }
        }
        client.send(request.text)
        while true {
            switch client.receive(milliseconds: -1) {
            case .said(let bytes):
                let isError = bytes[0] == ResumeClient.Answer.refused.rawValue
                say(String(decoding: bytes[1...], as: UTF8.self), isError)
                if isError { return 1 }
                if bytes[0] == ResumeClient.Answer.done.rawValue { return 0 }
            case .nothing: continue
            // PID 1 lets go of the connection by becoming the guest's init.
            case .ended:
                say("the guest's init has been entered", false)
                return 0
            }
        }
    }
}

/// One end of a connection between `vm-agent resume` and PID 1.
public struct ResumeClient: Sendable {
    private let socket: FileDescriptor

    init(_ socket: FileDescriptor) { self.socket = socket }

    /// What an answer's first byte says of it.
    public enum Answer: UInt8, Sendable {
        /// A line on the way.
        case line = 0x2E  // .
        /// The last line: it has been done.
        case done = 0x2B  // +
        /// The last line: it has not.
        case refused = 0x2D  // -
    }

    /// Tells a line. A client that does not read misses it.
    public func tell(_ answer: Answer, _ text: String) { send([answer.rawValue] + Array(text.utf8)) }

    /// Tells the last line.
    public func end(_ answer: Answer, _ text: String) {
        tell(answer, text)
        close()
    }

    func close() { socket.close() }

    func send(_ text: String) { send(Array(text.utf8)) }

    private func send(_ bytes: [UInt8]) { bytes.prefix(8_000).withUnsafeBytes { _ = try? socket.write($0) } }

    enum Received: Equatable {
        case said([UInt8])
        case nothing
        case ended
    }

    func receive(milliseconds: Int32) -> Received {
        guard socket.waitUntilReadable(milliseconds: milliseconds) else { return .nothing }
        do throws(Errno) {
            guard let bytes = try read() else { return .nothing }
            return bytes.isEmpty ? .ended : .said(bytes)
        } catch { return .ended }
    }

    private func read() throws(Errno) -> [UInt8]? {
        do throws(Errno) { return try socket.read(upTo: 8_192) } catch {
            // Who refuses without having read what was asked: the refusal itself comes behind this.
            guard error == .connectionReset else { throw error }
            return try socket.read(upTo: 8_192)
        }
    }
}
