/// One way to give host directories to a guest.
///
/// The launcher validates the shares, calls `prepare` once, then starts QEMU with what `connections` asks for. A service
/// keeps all its files in the private directory that it was made with; the launcher removes that directory at the end.
public protocol ShareService: Sendable {
    /// The directories that the guest sees.
    var shares: [ShareDescription] { get }

    /// Checks the shares and writes the service's files.
    func prepare() throws(ShareError)

    /// The addresses of the guest's network that QEMU must be told of. Meaningful after `prepare`.
    var connections: [ShareConnection] { get }

    /// The devices that QEMU must be told of.
    var devices: [ShareDevice] { get }

    /// The programs that must run before QEMU starts.
    var daemons: [ShareDaemon] { get }

    /// How the guest's kernel command line names one of the shares.
    func source(of share: ShareDescription) -> String
}

extension ShareService {
    /// None.
    public var devices: [ShareDevice] { [] }
    /// None.
    public var daemons: [ShareDaemon] { [] }
}

/// A device through which the guest reaches a share.
public enum ShareDevice: Equatable, Sendable {
    /// A virtiofs device whose server listens on `socket`.
    case virtiofs(tag: String, socket: String)
    /// A 9p device over a directory.
    case plan9(tag: String, directory: String, isReadOnly: Bool)
    /// A disk that cannot be written to, with the serial number `serial`.
    case disk(serial: String, image: String)
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
