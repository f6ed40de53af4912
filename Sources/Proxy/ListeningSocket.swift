internal import LinuxSystem
internal import NIOCore
internal import NIOPosix

/// A socket file on which connections are taken, on the proxy's event loop.
final class ListeningSocket {
    let path: String
    private var channel: (any Channel)?
    private var isClosed = false

    /// Listens at `path`, with `configure` applied to what its connections are.
    init(
        _ path: String, core: ProxyCore, configure: (ServerBootstrap) -> ServerBootstrap
    ) throws(SocketFileError) {
        self.path = path
        let listener = try SocketFile.listen(path)
        let bound = NIOLoopBound((self, core), eventLoop: core.eventLoop)
        configure(ServerBootstrap(group: core.eventLoop)).withBoundSocket(listener.rawValue).whenComplete { result in
            let (socket, core) = bound.value
            switch result {
            case .success(let channel):
                if socket.isClosed { channel.close(promise: nil) } else { socket.channel = channel }
            case .failure(let error): core.log("cannot serve \(socket.path): \(error)")
            }
        }
    }

    /// Takes no more connections, and removes the file.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        channel?.close(promise: nil)
        _ = unlinkFile(path)
    }
}
