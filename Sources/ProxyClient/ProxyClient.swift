import AgentProtocol
import CLinux
public import ControlProtocol
import Foundation
import LinuxSystem

/// A client of the `vm-proxy` that serves one directory. A value without state: every request is a connection of its own.
public struct ProxyClient: Sendable {
    /// Where the proxy's socket files are.
    public let directory: String

    /// How long the proxy itself may take for an answer that waits for nobody else: microseconds, but on a machine that many VMs share
    /// a process may wait for its turn.
    static let patience = Duration.seconds(15)

    /// How long a `vm run` that was started at the same moment may take to start the proxy and to register its guest.
    static let startTime = Duration.seconds(2)

    /// Makes a client; nothing is connected yet.
    public init(directory: String) { self.directory = directory }

    /// What the proxy knows of its guests.
    public func status() throws(ProxyClientError) -> ProxyStatus {
        var connection = try request(.status, signals: nil, deadline: .after(Self.patience), purpose: "answer from the vm-proxy")
        let bytes = try connection.rest(limit: 64 << 20, deadline: .after(Self.patience), purpose: "status from the vm-proxy")
        do {
            return try JSONDecoder().decode(ProxyStatus.self, from: Data(bytes))
        } catch {
            throw .malformedReply("a status that is not as expected: \(error)")
        }
    }

    /// What the proxy knows of guest `name`.
    public func status(of name: String) throws(ProxyClientError) -> GuestStatus {
        let status = try status()
        guard let guest = status.guests.first(where: { $0.name == name }) else {
            throw .noSuchGuest(name: name, directory: directory, known: status.guests.map(\.name))
        }
        return guest
    }

    /// Opens a stream to a service of a guest.
    ///
    /// - Parameters:
    ///   - service: its name, as in `docs/protocol.md`.
    ///   - now: whether to go without waiting for the end of the guest's boot.
    ///   - waitsForStart: whether to try for 2 s where no proxy or no such guest is: a `vm run` may just be starting them.
    ///   - deadline: how long to wait for the guest; the proxy has a bound of its own, too.
    ///   - signals: end the wait with `interrupted`.
    public func open(
        _ service: String, of guest: String, now: Bool = false, waitsForStart: Bool = true, deadline: Deadline = .none,
        signals: SignalInbox? = nil
    ) throws(ProxyClientError) -> ServiceStream {
        let startIsOver = Deadline.after(Self.startTime)
        while true {
            do throws(ProxyClientError) {
                let purpose = "answer from guest '\(guest)'"
                var connection = try request(
                    .connect(guest: guest, service: service, now: now), signals: signals, deadline: deadline, purpose: purpose)
                return ServiceStream(socket: connection.socket, early: connection.takeReceived(), guest: guest)
            } catch {
                let reason = explained(error, guest)
                guard waitsForStart, reason.mayBeStarting(guest), !startIsOver.hasPassed, !deadline.hasPassed else { throw reason }
                try pause(signals)
            }
        }
    }

    /// The proxy's sentence does not know which names are near; its status does.
    private func explained(_ error: ProxyClientError, _ guest: String) -> ProxyClientError {
        guard case .refused = error else { return error }
        do throws(ProxyClientError) { _ = try status(of: guest) } catch { return error }
        return error
    }

    private func pause(_ signals: SignalInbox?) throws(ProxyClientError) {
        var interests = [pollfd(fd: signals?.descriptor ?? -1, events: Int16(POLLIN), revents: 0)]
        _ = poll(&interests, 1, 20)
        if let signal = signals?.nextInterruption() { throw .interrupted(signal: signal) }
    }

    /// Asks a guest to power off; returns when it has begun.
    public func powerOff(_ guest: String) throws(ProxyClientError) {
        _ = try open(Service.powerOff.rawValue, of: guest, now: true, waitsForStart: false, deadline: .after(Self.patience))
    }

    /// Registers a guest for as long as the registration lives.
    public func register(_ name: String, token: [UInt8]) throws(ProxyClientError) -> GuestRegistration {
        let connection = try request(
            .guest(name: name, token: token), signals: nil, deadline: .after(Self.patience), purpose: "answer from the vm-proxy")
        return GuestRegistration(connection, directory: directory)
    }

    /// Sends a request line and reads the answer's first line.
    func request(
        _ request: ControlRequest, signals: SignalInbox?, deadline: Deadline, purpose: String
    ) throws(ProxyClientError) -> ControlConnection {
        var connection = try ControlConnection(directory: directory, socketName: ControlSocket.name)
        try connection.send(line: request.line, deadline: .after(Self.patience))
        guard let line = try connection.line(deadline: deadline, signals: signals, purpose: purpose) else {
            throw .proxyGone(directory: directory, during: "its answer was awaited")
        }
        if line == "OK" { return connection }
        guard line.hasPrefix("ERR ") else { throw .malformedReply(String(line.prefix(100))) }
        throw .refused(request: request.subject, reason: String(line.dropFirst(4)))
    }
}

extension ControlRequest {
    /// What the request is about, for an error's sentence.
    fileprivate var subject: String {
        switch self {
        case .status: "cannot read the status"
        case .guest(let name, _): "cannot register guest '\(name)'"
        case .connect(let guest, let service, _): "cannot use \(service) of guest '\(guest)'"
        case .logs(let guest, _): "cannot read the log of guest '\(guest)'"
        case .watch(let guest): "cannot watch guest '\(guest)'"
        }
    }
}
