internal import ControlProtocol
import Glibc
public import LinuxSystem

/// Why something asked of a proxy did not happen. `description` is for a person: what, why, and the way out.
public enum ProxyClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody listens on `path`.
    case noProxy(path: String, Errno)
    /// The proxy has no guest of that name.
    case noSuchGuest(name: String, directory: String, known: [String])
    /// The proxy answered `ERR`.
    case refused(request: String, reason: String)
    /// The proxy ended the connection, or broke off, while `during`.
    case proxyGone(directory: String, during: String)
    /// The proxy's bytes are not what the control protocol says.
    case malformedReply(String)
    /// Nothing came within `after`.
    case timedOut(waitingFor: String, after: Duration)
    /// The command and its environment are more than one frame may carry.
    case commandTooLong(bytes: Int, limit: Int)
    /// The guest or its link ended before the command did.
    case linkLost(guest: String, why: String?)
    /// The guest or its link ended before a copy was complete.
    case copyCutOff(guest: String, why: String?)
    /// A signal came while nothing was running yet.
    case interrupted(signal: CInt)
    /// What the guest sent cannot be written where it should go.
    case cannotWrite(stream: String, Errno)
    /// A system call failed.
    case system(call: String, Errno)

    /// One or two lines, without a final full stop.
    public var description: String {
        switch self {
        case .noProxy(let path, let error):
            "no vm-proxy answers on \(path): \(error); start a VM there with 'vm run', or name its directory with --directory"
        case .noSuchGuest(let name, let directory, let known):
            "no guest '\(name)' in \(directory); " + Self.suggestion(for: name, among: known)
        case .refused(let request, let reason): "\(request): \(reason)"
        case .proxyGone(let directory, let during): "the vm-proxy of \(directory) ended while \(during)"
        case .malformedReply(let text): "the vm-proxy's reply is not of this protocol: \(text)"
        case .timedOut(let what, let duration): "no \(what) within \(duration.formatted)"
        case .commandTooLong(let bytes, let limit):
            "the command, its arguments and environment have \(bytes) bytes, and \(limit) is the most; pass data through its input"
        case .linkLost(let guest, let why):
            "the link to guest '\(guest)' ended before the command did" + (why.map { ": \($0)" } ?? "")
        case .copyCutOff(let guest, let why):
            "the link to guest '\(guest)' ended before the copy was complete" + (why.map { ": \($0)" } ?? "")
        case .interrupted(let signal): "interrupted by signal \(signal)"
        case .cannotWrite(let stream, let error): "cannot write \(stream): \(error); some of the command's output is lost"
        case .system(let call, let error): "\(call): \(error)"
        }
    }

    /// Whether a `vm run` of `guest` that is just starting would explain it, or a proxy that is just ending.
    func mayBeStarting(_ guest: String) -> Bool {
        switch self {
        case .noProxy(_, let error): error == Errno(ENOENT) || error == Errno(ECONNREFUSED)
        case .noSuchGuest, .proxyGone: true
        // It may be there by now.
        case .refused(_, let reason):
            reason == ControlSocket.endingReason || reason.hasPrefix(ControlSocket.unknownGuestReason(guest))
        default: false
        }
    }

    private static func suggestion(for name: String, among known: [String]) -> String {
        let near = nearestNames(to: name, among: known)
        if !near.isEmpty { return "did you mean " + near.map { "'\($0)'" }.joined(separator: " or ") + "?" }
        if known.isEmpty { return "no guest runs there" }
        return "there are: " + known.sorted().prefix(20).joined(separator: ", ")
    }
}

extension Duration {
    /// As a person writes it: `5 s`, `1.25 s`, `250 ms`.
    var formatted: String {
        let (seconds, attoseconds) = components
        let hundredths = attoseconds / 10_000_000_000_000_000
        if seconds == 0 { return "\(attoseconds / 1_000_000_000_000_000) ms" }
        guard hundredths > 0 else { return "\(seconds) s" }
        return "\(seconds).\(hundredths < 10 ? "0" : "")\(hundredths) s"
    }
}
