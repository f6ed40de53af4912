internal import ControlProtocol
public import NIOCore

/// How a proxy is to run.
public struct ProxyConfiguration: Sendable {
    /// Where the socket files are; it exists.
    public var directory: String
    /// How long a client waits for a guest that is still booting, and for the agent's answer to its request.
    public var wait: TimeAmount
    /// Whether the proxy ends with its last registered guest.
    public var exitsWhenIdle: Bool
    /// Written to once, a line feed, when the sockets are there.
    public var readyDescriptor: CInt?
    /// Guests that are expected, registered or not: they have sockets from the start, and keep them.
    public var guests: [String] = []
    /// Guests without an agent: their connection is a shell, bytes and nothing else.
    public var rawGuests: [String] = []
    /// The AF_VSOCK port on which guests may connect; nil for none.
    public var vsockPort: UInt32?
    /// Users beside its own and root whose processes may use the proxy's sockets.
    public var allowedUsers: Set<UInt32> = []
    /// See `ProxyLimits`.
    public var limits = ProxyLimits()

    /// Makes a configuration with the default limits.
    public init(directory: String, wait: TimeAmount = .seconds(120), exitsWhenIdle: Bool = false, readyDescriptor: CInt? = nil) {
        self.directory = directory
        self.wait = wait
        self.exitsWhenIdle = exitsWhenIdle
        self.readyDescriptor = readyDescriptor
    }

    /// How long an agent may take for its answer, in seconds: a connection that it makes may take 10 s.
    var answerSeconds: Int64 { max(15, wait.nanoseconds / 1_000_000_000) }

    /// What is wrong with `name` as a guest's name, or nil.
    public static func fault(inGuestName name: String) -> String? { ControlSocket.fault(inGuestName: name) }

    /// The package's version, for hellos and status.
    public static let software = "vm-proxy 0.1.0"
}
