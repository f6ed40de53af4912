/// An open stream to a guest's service: a connected socket, non-blocking, closed with the last reference.
public final class ServiceStream: Sendable {
    let socket: UnixSocket
    /// Bytes of the stream that came with the proxy's answer; they are the first.
    public let early: [UInt8]
    /// The guest's name.
    public let guest: String

    init(socket: UnixSocket, early: [UInt8], guest: String) {
        self.socket = socket
        self.early = early
        self.guest = guest
    }

    /// The socket; valid as long as this object.
    public var descriptor: CInt { socket.descriptor }
}
