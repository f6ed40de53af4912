public import AgentProtocol
import CLinux

/// Where connections are taken on the host, and where in the guest they go: `[HOST:]GUEST`.
///
///     80                        a free port of the host -> the guest's port 80
///     8080:80                   port 8080 -> port 80; 0 for a free one
///     8080:10.0.2.2:80          … -> port 80 of another address, as the guest sees it
///     8080:[fd00::2]:80         … of an IPv6 address
///     8080:/run/guest.sock      … -> a UNIX socket in the guest
///     8080:@name                … -> one in its abstract namespace
///     ./host.sock:/run/guest.sock, /tmp/host.sock:80      a UNIX socket on the host
public struct Forward: Equatable, Sendable {
    /// Where connections are taken.
    public enum HostEnd: Equatable, Sendable {
        /// A TCP port of 127.0.0.1 and [::1]; 0 is a free one.
        case port(UInt16)
        /// A UNIX stream socket's path.
        case socket(path: String)
    }

    /// Where connections are taken.
    public var host: HostEnd
    /// Where they go.
    public var target: ConnectTarget

    /// Makes a forward from its parts.
    public init(host: HostEnd, target: ConnectTarget) {
        self.host = host
        self.target = target
    }

    /// Reads `[HOST:]GUEST`. Its fault's text is for a person.
    public init(parsing text: String) throws(ConnectTarget.Fault) {
        let colon = text.firstIndex(of: ":")
        let first = colon.map { String(text[..<$0]) } ?? text
        let rest = colon.map { String(text[text.index(after: $0)...]) }
        if let rest, first.hasPrefix("/") || first.hasPrefix(".") {
            self.init(host: .socket(path: first), target: try Self.target(parsing: rest))
        } else if let rest, !first.isEmpty, first.allSatisfy(\.isNumber) {
            let port = first.allSatisfy { $0 == "0" } ? 0 : try ConnectTarget.port(Array(first.utf8)[...])
            self.init(host: .port(port), target: try Self.target(parsing: rest))
        } else {
            self.init(host: .port(0), target: try Self.target(parsing: text))
        }
    }

    /// Reads `GUEST`: a port, an address and a port, the path of a socket, or `@` and an abstract socket's name.
    public static func target(parsing text: String) throws(ConnectTarget.Fault) -> ConnectTarget {
        if text.hasPrefix("/") || text.hasPrefix("@") || text.hasPrefix(".") {
            let path = Array(text.utf8)
            if let fault = ConnectTarget.fault(inPath: path) { throw ConnectTarget.Fault(text: "'\(text)': \(fault)") }
            return .unix(path: path)
        }
        let target = try ConnectTarget("tcp:\(text)")
        if case .tcp(let address?, _) = target, linux_is_address(address) == 0 {
            throw ConnectTarget.Fault(text: "'\(address)' is no IPv4 or IPv6 address; names are not looked up")
        }
        return target
    }
}
