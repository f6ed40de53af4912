import AgentProtocol
import FileCopy
import Foundation
import LinuxSystem

/// What one side of a copy has said.
final class Log: @unchecked Sendable {
    // Proof of safety: every access is under the lock.
    private let lock = NSLock()
    private var ours: [CopyProblem] = []
    private var theirs: [CopyProblem] = []
    private var count = 0

    /// This side's own problems, and the other's.
    var problems: (ours: [CopyProblem], theirs: [CopyProblem]) { lock.withLock { (ours, theirs) } }
    /// How much content was moved.
    var bytes: Int { lock.withLock { count } }
    /// All problems as text, without paths.
    var texts: [String] { lock.withLock { (ours + theirs).map(\.text) } }

    var observer: CopyObserver {
        CopyObserver(
            problem: { problem, isOurs in
                self.lock.withLock { if isOurs { self.ours.append(problem) } else { self.theirs.append(problem) } }
            },
            moved: { bytes in self.lock.withLock { self.count += bytes } })
    }
}

/// A pair of connected sockets, both non-blocking, closed with this.
final class Pair: Sendable {
    let near: FileDescriptor
    let far: FileDescriptor

    init() {
        // A write to an end that is gone is an error of that write, as in the programs.
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [-1, -1]
        _ = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        for end in ends { _ = fcntl(end, F_SETFL, O_RDWR | O_NONBLOCK) }
        (near, far) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
    }

    deinit {
        near.close()
        far.close()
    }

    /// Ends the stream for the near side, as a link that is lost does.
    func cut() { shutdown(far.rawValue, CInt(SHUT_RDWR)) }
}

/// Runs `body` on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// A copy with both real sides, each on a thread, over a socket.
struct Copy {
    /// What the client is told.
    let log = Log()
    var request = CopyRequest(path: [])

    /// As `vm cp SOURCE NAME:DESTINATION` does.
    func copyIn(_ source: [UInt8]) async -> Result<CopyResult, CopyFailure> {
        let pair = Pair()
        let agent = Task {
            await onThread {
                attempt { () throws(CopyFailure) in
                    try TreeReceiver.ofAgent(CopyChannel(input: pair.far, output: pair.far)).receive()
                }
            }
        }
        let result = await onThread { [request, log] in
            attempt { () throws(CopyFailure) in
                let sender = TreeSender(request, channel: CopyChannel(input: pair.near, output: pair.near), observer: log.observer)
                sender.sendRequest()
                return try sender.send(source)
            }
        }
        _ = await agent.value
        return result
    }

    /// As `vm cp NAME:SOURCE DESTINATION` does.
    func copyOut(to destination: CopyDestination) async -> Result<CopyResult, CopyFailure> {
        let pair = Pair()
        let agent = Task {
            await onThread {
                attempt { () throws(CopyFailure) in
                    let channel = CopyChannel(input: pair.far, output: pair.far)
                    let (request, rest) = try channel.readRequest()
                    return try TreeSender(request, channel: channel, early: rest).send(request.path)
                }
            }
        }
        let result = await onThread { [request, log] in receive(.files(destination), request, pair, log) }
        _ = await agent.value
        return result
    }
}

func attempt(_ copy: () throws(CopyFailure) -> CopyResult) -> Result<CopyResult, CopyFailure> {
    do throws(CopyFailure) { return .success(try copy()) } catch { return .failure(error) }
}

/// The client's side of copy-out, on this thread.
func receive(
    _ target: CopyTarget, _ request: CopyRequest, _ pair: Pair, _ log: Log, early: [UInt8] = []
) -> Result<CopyResult, CopyFailure> {
    attempt { () throws(CopyFailure) in
        try TreeReceiver.ofClient(
            target, request: request, channel: CopyChannel(input: pair.near, output: pair.near), observer: log.observer
        ).receive(early: early)
    }
}
