internal import CLinux
internal import NIOCore

/// Who may use the proxy's sockets: its own user, root, and the users that it was told to allow. The only place where that is decided.
///
/// The kernel notes who connects, at that moment, and nobody can change it (SO_PEERCRED). What is passed over a connection
/// (SCM_RIGHTS) is the passer's, and is not asked for a user of its own.
struct PeerGate: Sendable {
    /// The process at the other end of a connection, when it connected.
    struct Peer: Equatable, Sendable {
        var user: UInt32
        var process: Int32

        init(user: UInt32, process: Int32) { (self.user, self.process) = (user, process) }
        init(_ peer: linux_peer) { self.init(user: peer.user, process: peer.process) }
    }

    private let allowed: Set<UInt32>

    init(allowedUsers: Set<UInt32>) { allowed = allowedUsers.union([0, geteuid()]) }

    func admits(_ peer: Peer) -> Bool { allowed.contains(peer.user) }

    /// The peer of a connected UNIX socket.
    static func peer(of connection: CInt) -> Peer? {
        var peer = linux_peer()
        return linux_peer_of(connection, &peer) == 0 ? Peer(peer) : nil
    }

    /// The peer of a channel over a UNIX socket. Fails when it cannot be told.
    static func peer(of channel: any Channel) -> EventLoopFuture<Peer> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let option = NIOBSDSocket.Option(rawValue: linux_peer_option())
        let peer: EventLoopFuture<linux_peer> = options.unsafeGetSocketOption(level: .socket, name: option)
        return peer.map { Peer($0) }
    }
}
