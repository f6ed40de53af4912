import ControlProtocol
import Glibc
import LinuxSystem

/// Learns when a guest is gone (`WATCH`). A proxy that is gone is looked for again for a while: another may take its place.
struct GuestWatch {
    private static let patience = Duration.seconds(5)
    private static let pause: CInt = 100

    private let client: ProxyClient
    private let guest: String
    private var connection: ControlConnection?
    private var deadline = Deadline.none

    /// Begins; the guest must be there.
    init(_ client: ProxyClient, _ guest: String) throws(ForwardError) {
        (self.client, self.guest) = (client, guest)
        do throws(ProxyClientError) {
            // The status knows which names are near.
            _ = try client.status(of: guest)
            connection = try client.watch(guest)
        } catch {
            throw .proxy(error)
        }
    }

    /// What to poll for reading; -1 while there is no proxy.
    var descriptor: CInt { connection?.socket.descriptor ?? -1 }
    /// When to call `handle` at the latest, in milliseconds; -1 for never.
    var pollTimeout: CInt { connection == nil ? Self.pause : -1 }

    /// Takes what has come.
    mutating func handle(isReady: Bool, _ onMessage: (String) -> Void) throws(ForwardError) {
        if connection == nil { return try lookAgain(onMessage) }
        guard isReady, var current = connection else { return }
        let arrived: (lines: [String], ended: Bool)
        do throws(ProxyClientError) { arrived = try current.arrivedLines() } catch { throw .proxy(error) }
        connection = current
        if let line = arrived.lines.first(where: { $0.hasPrefix(ControlRequest.gone) }) {
            throw .guestGone(name: guest, reason: String(line.dropFirst(ControlRequest.gone.count + 1)))
        }
        guard arrived.ended else { return }
        connection = nil
        deadline = .after(Self.patience)
        onMessage("the vm-proxy of \(client.directory) is gone; waiting for another one")
    }

    private mutating func lookAgain(_ onMessage: (String) -> Void) throws(ForwardError) {
        do throws(ProxyClientError) {
            connection = try client.watch(guest)
            onMessage("guest '\(guest)' is there again")
        } catch {
            guard deadline.hasPassed else { return }
            throw .guestGone(name: guest, reason: "\(error)")
        }
    }
}

extension ProxyClient {
    /// A connection that says when `guest` is gone.
    func watch(_ guest: String) throws(ProxyClientError) -> ControlConnection {
        try request(.watch(guest: guest), signals: nil, deadline: .after(Self.patience), purpose: "answer from the vm-proxy")
    }
}
