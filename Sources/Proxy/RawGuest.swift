internal import ControlProtocol
internal import LinuxSystem
internal import NIOCore
internal import NIOPosix

/// A guest without an agent, as in 2010: its connection to 10.0.2.6:23 is a shell, and its socket leads straight there. One
/// client at a time; the next one is told why it waits. Lives on the event loop.
final class RawGuest {
    let name: String
    private let proxy: ProxyCore
    private var shellSocket: ListeningSocket?
    private var linkSocket: ListeningSocket?
    /// Connections that are there for the next client, the oldest first.
    private var idleLinks: [RawLinkHandler] = []
    private var current: (client: RawClientHandler, link: RawLinkHandler)?
    /// Connections whose client has left, and whose shell has not ended yet.
    private var endingLinks: [RawLinkHandler] = []
    private var waiting: [RawClientHandler] = []

    /// Listens for clients and for links.
    init(_ name: String, proxy: ProxyCore) throws(SocketFileError) {
        self.name = name
        self.proxy = proxy
        let bound = NIOLoopBound(self, eventLoop: proxy.eventLoop)
        linkSocket = try ListeningSocket(proxy.linkSocketPath(of: name), core: proxy, options: ListeningSocket.forClients) { _ in
            RawLinkHandler(bound.value, hasEnd: false)
        }
        do throws(SocketFileError) {
            shellSocket = try ListeningSocket(socketPath, core: proxy, options: ListeningSocket.forClients) { _ in
                RawClientHandler(bound.value)
            }
        } catch {
            linkSocket?.close()
            throw error
        }
    }

    var socketPath: String { "\(proxy.configuration.directory)/\(ControlSocket.shellSocketName(of: name))" }

    var status: GuestStatus {
        let links = idleLinks + (current.map { [$0.link] } ?? [])
        return GuestStatus(
            name: name, state: links.isEmpty ? .waiting : .ready, detail: "a shell without an agent", socket: socketPath,
            links: links.map { link in
                LinkStatus(id: link.identifier, streams: link === current?.link ? 1 : 0, software: "", transport: "guestfwd")
            },
            sessions: current == nil ? 0 : 1)
    }

    var limits: ProxyLimits { proxy.configuration.limits }

    /// Something came from the guest or its client.
    func wasHeard() { proxy.busyPoll.stop() }

    func makeIdentifier() -> Int { proxy.makeIdentifier() }

    /// Takes the socket of one connection of the guest.
    func take(_ socket: LinuxSystem.FileDescriptor) {
        let bound = NIOLoopBound(self, eventLoop: proxy.eventLoop)
        ClientBootstrap(group: proxy.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RawLinkHandler(bound.value, hasEnd: true))
                }
            }
            .withConnectedSocket(socket.rawValue)
            .whenFailure { error in bound.value.proxy.log("a connection of guest \(bound.value.name) is not taken: \(error)") }
    }

    func close() {
        shellSocket?.close()
        linkSocket?.close()
        for client in waiting { client.end("the proxy has ended") }
        waiting.removeAll()
        current?.client.end(nil)
        current?.link.close()
        for link in idleLinks + endingLinks { link.close() }
    }

    // MARK: Links

    func linked(_ link: RawLinkHandler) {
        proxy.log("raw guest \(name) has connected", of: name)
        idleLinks.append(link)
        if idleLinks.count > proxy.configuration.limits.linksPerGuest { idleLinks.removeFirst().close() }
        serveNext()
    }

    /// The guest has ended a connection.
    func lost(_ link: RawLinkHandler) {
        idleLinks.removeAll { $0 === link }
        endingLinks.removeAll { $0 === link }
        guard let current, current.link === link else { return }
        self.current = nil
        current.client.end(nil)
        serveNext()
    }

    // MARK: Clients

    func enter(_ client: RawClientHandler) {
        guard waiting.count < proxy.configuration.limits.waitersPerGuest else {
            return client.end("\(waiting.count) clients wait for guest '\(name)' already")
        }
        waiting.append(client)
        serveNext()
        guard waiting.contains(where: { $0 === client }) else { return }
        let seconds = proxy.configuration.wait.nanoseconds / 1_000_000_000
        if current != nil {
            client.say("guest '\(name)' has one shell, and another client uses it; waiting up to \(seconds) s for it")
        } else if !endingLinks.isEmpty {
            client.say("guest '\(name)' has one shell, and what its last client ran has not ended; waiting up to \(seconds) s for it")
        }
        client.limitWait(to: proxy.configuration.wait)
    }

    func waitIsOver(_ client: RawClientHandler) {
        guard waiting.contains(where: { $0 === client }) else { return }
        waiting.removeAll { $0 === client }
        let seconds = proxy.configuration.wait.nanoseconds / 1_000_000_000
        client.end(
            current == nil
                ? "waited \(seconds) s for guest '\(name)', which has not connected; see its console"
                : "waited \(seconds) s for the shell of guest '\(name)', which another client uses")
    }

    /// A client is gone.
    func left(_ client: RawClientHandler) {
        waiting.removeAll { $0 === client }
        guard let current, current.client === client else { return }
        self.current = nil
        // A shell that can be told of the end gets it, and the guest's next one is the next client's. The other goes on.
        current.link.client = nil
        if current.link.hasEnd {
            endingLinks.append(current.link)
            current.link.finish()
        } else {
            idleLinks.append(current.link)
            current.link.resume()
        }
        serveNext()
    }

    private func serveNext() {
        guard current == nil, let client = waiting.first, !idleLinks.isEmpty else { return }
        waiting.removeFirst()
        let link = idleLinks.removeFirst()
        current = (client, link)
        link.client = client
        client.begin(link)
        link.begin()
    }
}
