public import AgentProtocol
import ControlProtocol
import Glibc
import LinuxSystem

extension ProxyClient {
    /// Takes connections on this host and forwards each into the guest, until a signal comes.
    ///
    /// - Parameters:
    ///   - signals: an inbox that was made before other threads.
    ///   - onListening: called once, with the addresses of each forward, when connections are taken.
    ///   - onMessage: called with what a person should know: a connection that was refused, say.
    /// - Returns: the signal.
    /// - Throws: `guestGone`; why it could not begin.
    public func forward(
        _ forwards: [Forward], of guest: String, signals: SignalInbox, onListening: ([(forward: Forward, addresses: [String])]) -> Void,
        onMessage: @escaping (String) -> Void
    ) throws(ForwardError) -> CInt {
        Self.raiseDescriptorLimit()
        do throws(ProxyClientError) { _ = try status(of: guest) } catch { throw .proxy(error) }
        var listeners: [ForwardListener] = []
        for forward in forwards { listeners.append(try ForwardListener(forward)) }
        var loop = try ForwardLoop(self, guest: guest, listeners: listeners, signals: signals, onMessage: onMessage)
        onListening(listeners.map { ($0.forward, $0.addresses) })
        return try loop.run()
    }

    /// Joins two descriptors to a port or socket in the guest, until both directions have ended.
    ///
    /// - Returns: the signal that ended it, or nil.
    /// - Throws: `refused`, `connectionLost`, `guestGone`.
    public func join(
        _ target: ConnectTarget, of guest: String, streams: StandardStreams = StandardStreams(), signals: SignalInbox
    ) throws(ForwardError) -> CInt? {
        var loop = try ForwardLoop(self, guest: guest, listeners: [], signals: signals, onMessage: { _ in })
        let connection: ForwardedConnection
        do throws(ProxyClientError) {
            connection = try ForwardedConnection(ForwardEnd(streams), target, of: guest, directory: directory)
        } catch {
            throw .proxy(error)
        }
        return try loop.run(connection)
    }

    /// Every connection takes two descriptors, and the soft limit is often 1,024.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
