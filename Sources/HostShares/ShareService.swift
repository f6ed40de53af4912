/// One way to give host directories to a guest.
///
/// The launcher validates the shares, calls `prepare` once, then starts QEMU with what `connections` asks for. A service
/// keeps all its files in the private directory that it was made with; the launcher removes that directory at the end.
public protocol ShareService: Sendable {
    /// The directories that the guest sees.
    var shares: [ShareDescription] { get }

    /// Checks the shares and writes the service's files.
    func prepare() throws(ShareError)

    /// What QEMU must be told. Meaningful after `prepare`.
    var connections: [ShareConnection] { get }
}

/// A TCP address of the guest's network at which QEMU runs one process per connection.
public struct ShareConnection: Equatable, Sendable {
    /// The address, in 10.0.2.0/24.
    public var address: String
    /// The TCP port.
    public var port: Int
    /// The program and its arguments; its standard input is the connection.
    public var command: [String]

    /// Makes a connection from its parts.
    public init(address: String, port: Int, command: [String]) {
        self.address = address
        self.port = port
        self.command = command
    }
}
