public import LinuxSystem

/// Why forwarding did not begin, or ended. `description` is for a person.
public enum ForwardError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The address is another program's, or may not be used.
    case cannotListen(address: String, Errno)
    /// Another program listens on this socket file.
    case inUse(path: String)
    /// Something else than a socket is there.
    case notASocket(path: String)
    /// The guest's side of a connection that is all there is.
    case refused(reason: String)
    /// The connection broke.
    case connectionLost(guest: String)
    /// The guest ended.
    case guestGone(name: String, reason: String)
    /// What the proxy said, or that there is none.
    case proxy(ProxyClientError)

    /// One or two lines, without a final full stop.
    public var description: String {
        switch self {
        case .cannotListen(let address, let error): "cannot listen on \(address): \(error)"
        case .inUse(let path): "\(path) is in use by another program, which listens on it"
        case .notASocket(let path): "\(path) exists and is not a socket; it is left alone: move it, or choose another name"
        case .refused(let reason): reason
        case .connectionLost(let guest): "the connection into guest '\(guest)' was lost"
        case .guestGone(let name, let reason): "guest '\(name)' is gone: \(reason)"
        case .proxy(let error): error.description
        }
    }
}
