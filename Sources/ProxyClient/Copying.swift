import AgentProtocol
public import FileCopy
import Glibc
import LinuxSystem

extension ProxyClient {
    /// Copies from this machine to `path` in a guest. Relative paths there begin at root's home.
    ///
    /// - Parameters:
    ///   - signals: end the copy with `interrupted`; nothing half is left in the guest.
    ///   - observer: learns of every problem, on either side; what the guest says is to be shown with care.
    /// - Throws: why the copy as a whole did not come to its end. Problems of single files are no errors but counted.
    public func copyIn(
        _ source: CopySource, to path: [UInt8], of guest: String, options: CopyOptions, now: Bool = false, deadline: Deadline = .none,
        signals: SignalInbox, observer: CopyObserver = CopyObserver()
    ) throws(ProxyClientError) -> CopyOutcome {
        var request = CopyRequest(
            path: path, isRecursive: options.isRecursive, needsDirectory: options.needsDirectory, keepsOwner: options.keepsOwner,
            staysOnFileSystem: options.staysOnFileSystem)
        if case .path(let path) = source { request.name = copiedName(of: path) }
        let stream = try open(Service.copyIn.rawValue, of: guest, now: now, deadline: deadline, signals: signals)
        let errors = ErrorCount()
        let sender = TreeSender(
            request, channel: CopyChannel(stream, signals), observer: errors.counting(observer), early: stream.early)
        return try Self.finish(stream, signals, errors) { () throws(CopyFailure) in
            sender.sendRequest()
            switch source {
            case .path(let path): return try sender.send(path)
            case .stream(let input, let entry): return try sender.send(input, as: entry)
            }
        }
    }

    /// Copies `path` of a guest to this machine. Whatever the guest sends, nothing is written outside `sink`.
    ///
    /// - Parameters:
    ///   - signals: end the copy with `interrupted`; nothing half is left here.
    ///   - observer: as in `copyIn`.
    public func copyOut(
        _ path: [UInt8], of guest: String, to sink: CopySink, options: CopyOptions, now: Bool = false, deadline: Deadline = .none,
        signals: SignalInbox, observer: CopyObserver = CopyObserver()
    ) throws(ProxyClientError) -> CopyOutcome {
        let request = CopyRequest(path: path, isRecursive: options.isRecursive, staysOnFileSystem: options.staysOnFileSystem)
        let target: CopyTarget =
            switch sink {
            case .path(let destination):
                .files(
                    CopyDestination(
                        path: destination, name: copiedName(of: path), needsDirectory: options.needsDirectory,
                        keepsOwner: options.keepsOwner, keepsSetID: options.keepsSetIDHere, followsLink: false))
            case .stream(let output): .stream(output)
            }
        let stream = try open(Service.copyOut.rawValue, of: guest, now: now, deadline: deadline, signals: signals)
        let errors = ErrorCount()
        let receiver = TreeReceiver.ofClient(
            target, request: request, channel: CopyChannel(stream, signals), observer: errors.counting(observer))
        return try Self.finish(stream, signals, errors) { () throws(CopyFailure) in try receiver.receive(early: stream.early) }
    }

    /// Runs a copy to its end, and says in this client's terms why it did not come there.
    private static func finish(
        _ stream: ServiceStream, _ signals: SignalInbox, _ errors: ErrorCount, _ copy: () throws(CopyFailure) -> CopyResult
    ) throws(ProxyClientError) -> CopyOutcome {
        defer { withExtendedLifetime(stream) {} }
        do throws(CopyFailure) {
            return CopyOutcome(result: try copy(), errors: errors.value)
        } catch {
            switch error {
            case .streamEnded: throw .copyCutOff(guest: stream.guest, why: nil)
            case .streamBroke(let errno): throw .copyCutOff(guest: stream.guest, why: "\(errno)")
            case .violation(let violation): throw .copyCutOff(guest: stream.guest, why: violation.text)
            case .interrupted: throw .interrupted(signal: signals.next() ?? SIGINT)
            }
        }
    }
}

extension CopyChannel {
    fileprivate init(_ stream: ServiceStream, _ signals: SignalInbox) {
        let socket = FileDescriptor(rawValue: stream.descriptor)
        self.init(input: socket, output: socket, interruption: FileDescriptor(rawValue: signals.descriptor))
    }
}

/// Counts what passes an observer.
private final class ErrorCount {
    private(set) var value = 0

    func counting(_ observer: CopyObserver) -> CopyObserver {
        var counting = observer
        counting.problem = { problem, isOurs in
            if problem.severity != .warning { self.value += 1 }
            observer.problem(problem, isOurs)
        }
        return counting
    }
}
