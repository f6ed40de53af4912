internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// The addresses that a target stands for, tried in turn.
struct ConnectionAttempts {
    private let target: ConnectTarget
    private var addresses: [String]
    private var firstFailure: Errno?

    init(_ target: ConnectTarget) {
        self.target = target
        switch target {
        case .tcp(nil, _): addresses = ["127.0.0.1", "::1"]
        case .tcp(let address?, _): addresses = [address]
        // One attempt, which may have to be made again.
        case .unix: addresses = [""]
        }
    }

    /// Starts the next attempt; nil when all have failed. What it throws is for `mustWait` and `failed`.
    func next() throws(Errno) -> StreamSocket? {
        guard let address = addresses.first else { return nil }
        switch target {
        case .tcp(_, let port): return try StreamSocket.tcp(address, port: port)
        case .unix(let path):
            let isAbstract = path.first == UInt8(ascii: "@")
            return try StreamSocket.unix(isAbstract ? [0] + path.dropFirst() : path)
        }
    }

    /// True when the same attempt is to be made again later: a UNIX socket's queue is full, and nothing will tell when it is not.
    func mustWait(after error: Errno) -> Bool {
        if case .unix = target { error == .wouldBlock } else { false }
    }

    /// The present attempt has failed.
    mutating func failed(_ error: Errno) {
        if firstFailure == nil { firstFailure = error }
        addresses.removeFirst()
    }

    /// Why there is no connection.
    var reason: String {
        guard let firstFailure else { return "there is nothing to try" }
        switch target {
        case .tcp where firstFailure == .invalid: return "that is no IPv4 or IPv6 address; names are not looked up"
        case .unix where firstFailure == .noSuchFile: return "there is no such socket"
        default: return firstFailure.description
        }
    }
}
