internal import CLinux
internal import ControlProtocol
internal import Foundation
internal import LinuxSystem
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// The daemon: takes the links of many guests and offers them as socket files. Runs until its service group shuts down, or,
/// when it exits with its last guest, until then.
///
/// One event loop does all the work: it moves bytes between sockets, and a second thread would only add hand-overs.
public struct ProxyServer: Service {
    private let configuration: ProxyConfiguration
    private let logger: Logger

    /// A proxy that has not begun.
    public init(_ configuration: ProxyConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves, and removes the socket files at the end. Throws `SocketFileError` when it cannot begin.
    public func run() async throws {
        // Where other users are allowed, all can connect, and the gate tells them apart.
        umask(configuration.allowedUsers.isEmpty ? 0o177 : 0o111)
        raiseDescriptorLimit()
        // Else each buffer's pages are given back to the system, and new ones taken for the next.
        linux_keep_freed_memory(4 << 20)
        let lock = try SocketFile.lock(configuration.directory)
        defer { SocketFile.unlock(lock) }
        let receiver = try LinkReceiver(directory: configuration.directory)
        let controlPath = "\(configuration.directory)/\(ControlSocket.name)"
        let control: LinuxSystem.FileDescriptor
        do {
            control = try SocketFile.listen(controlPath)
        } catch {
            receiver.stop()
            throw error
        }
        defer { unlink(controlPath) }

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let idle = loop.makePromise(of: Void.self)
        let (configuration, logger) = (self.configuration, self.logger)
        let core = try await loop.submit {
            let core = ProxyCore(configuration, eventLoop: loop, logger: logger)
            core.onIdle = { idle.succeed() }
            let bound = NIOLoopBound(core, eventLoop: loop)
            // Somebody started it to register a guest; where that does not happen, it is not left behind.
            loop.scheduleTask(in: .seconds(10)) { bound.value.stopIfNeverUsed() }
            return bound
        }.get()
        do {
            try await serve(control, core, receiver, idle)
        } catch {
            receiver.stop()
            idle.succeed()
            try await loop.submit { core.value.removeAll() }.get()
            try await group.shutdownGracefully()
            throw error
        }
        logger.info("ended")
        try await group.shutdownGracefully()
    }

    /// Serves until the group shuts down or the proxy is idle.
    private func serve(
        _ control: LinuxSystem.FileDescriptor, _ core: NIOLoopBound<ProxyCore>, _ receiver: LinkReceiver, _ idle: EventLoopPromise<Void>
    ) async throws {
        let loop = idle.futureResult.eventLoop
        let path = "\(configuration.directory)/\(ControlSocket.name)"
        let listener = try await loop.flatSubmit {
            let bootstrap = ListeningSocket.bootstrap(path, core: core.value) { ControlHandler(proxy: core.value, peer: $0) }
            return ListeningSocket.forClients(bootstrap).withBoundSocket(control.rawValue)
        }.get()
        try await loop.submit { try core.value.begin() }.get()
        if let port = configuration.vsockPort { try await listenForVsock(port, core) }

        let gate = PeerGate(allowedUsers: configuration.allowedUsers)
        let thread = Thread {
            receiver.run(
                gate, refused: { peer in loop.execute { core.value.refuse(peer, at: receiver.path) } },
                receive: { guest, link in loop.execute { core.value.take(link, of: guest) } })
            receiver.close()
        }
        thread.name = "links"
        thread.start()
        announce()

        await withGracefulShutdownHandler {
            try? await idle.futureResult.get()
        } onGracefulShutdown: {
            idle.succeed()
        }
        tell(.stopping)
        receiver.stop()
        try? await listener.close()
        try await loop.submit { core.value.removeAll() }.get()
    }

    private func listenForVsock(_ port: UInt32, _ core: NIOLoopBound<ProxyCore>) async throws {
        do {
            _ = try await core.eventLoop.flatSubmit { core.value.listenForVsock(port: port) }.get()
        } catch let error as IOError {
            throw SocketFileError.failed(path: "AF_VSOCK port \(port)", call: "bind", Errno(error.errnoCode))
        }
    }

    private func tell(_ notice: ServiceManager.Notice) {
        do throws(Errno) { try ServiceManager.tell(notice) } catch {
            logger.warning("the service manager at $NOTIFY_SOCKET cannot be told \(notice.text.debugDescription): \(error.description)")
        }
    }

    /// Tells who waits for it that the sockets are there.
    private func announce() {
        logger.info("serving \(configuration.directory)")
        tell(.ready(directory: configuration.directory))
        guard let descriptor = configuration.readyDescriptor else { return }
        let ready = LinuxSystem.FileDescriptor(rawValue: descriptor)
        try? ready.writeAll([UInt8(ascii: "\n")])
        ready.close()
    }
}
