internal import LinuxSystem
internal import NIOCore
internal import NIOPosix

/// A socket file on which connections are taken, on the proxy's event loop.
final class ListeningSocket {
    let path: String
    private var channel: (any Channel)?
    private var isClosed = false

    /// Listens at `path`; a connection of a peer that the proxy admits gets the handler that `handler` makes.
    init(
        _ path: String, core: ProxyCore, options: (ServerBootstrap) -> ServerBootstrap,
        handler: @escaping (PeerGate.Peer) -> any ChannelHandler
    ) throws(SocketFileError) {
        self.path = path
        let listener = try SocketFile.listen(path)
        let bound = NIOLoopBound((self, core), eventLoop: core.eventLoop)
        let bootstrap = options(ListeningSocket.bootstrap(path, core: core, handler: handler))
        bootstrap.withBoundSocket(listener.rawValue).whenComplete { result in
            let (socket, core) = bound.value
            switch result {
            case .success(let channel):
                if socket.isClosed { channel.close(promise: nil) } else { socket.channel = channel }
            case .failure(let error): core.log("cannot serve \(socket.path): \(error)")
            }
        }
    }

    /// Takes connections at `path` of those who may use the proxy. Nothing is read from any other, and nothing written to it.
    static func bootstrap(
        _ path: String, core: ProxyCore, handler: @escaping (PeerGate.Peer) -> any ChannelHandler
    ) -> ServerBootstrap {
        let bound = NIOLoopBound((core, handler), eventLoop: core.eventLoop)
        return ServerBootstrap(group: core.eventLoop).childChannelInitializer { channel in
            PeerGate.peer(of: channel).assumeIsolated().flatMapThrowing { peer in
                let (core, handler) = bound.value
                try core.admit(peer, at: path, channel)
                try channel.pipeline.syncOperations.addHandler(handler(peer))
            }.nonisolated()
        }
    }

    /// For the sockets of clients: read only when there is a place for what they send, and half-closed as they like.
    static func forClients(_ bootstrap: ServerBootstrap) -> ServerBootstrap {
        bootstrap.childChannelOption(.autoRead, value: false).childChannelOption(.allowRemoteHalfClosure, value: true)
    }

    /// Takes no more connections, and removes the file.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        channel?.close(promise: nil)
        _ = unlinkFile(path)
    }
}
