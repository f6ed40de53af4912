public import ControlProtocol
import Foundation

/// A guest's registration with a proxy, as its launcher holds it. When it ends without `end`, the proxy takes the launcher for
/// dead and ends the VM.
public struct GuestRegistration {
    private var connection: ControlConnection
    private let directory: String
    /// What goes to the proxy: from here, and from a console's relay on a thread of its own.
    let output: LineOutput

    init(_ connection: ControlConnection, directory: String) {
        self.connection = connection
        self.directory = directory
        output = LineOutput(connection.socket)
    }

    /// Readable when there are events, or the proxy is gone.
    public var descriptor: CInt { connection.socket.descriptor }

    /// Tells the proxy which process is the VM's.
    public func setProcess(_ identifier: Int32) throws(ProxyClientError) {
        try send(GuestRequest.process(identifier), deadline: .after(ProxyClient.patience))
    }

    private func send(_ request: GuestRequest, deadline: Deadline) throws(ProxyClientError) {
        guard output.send([request.line], deadline: deadline) else {
            throw .proxyGone(directory: directory, during: "it was sent a request")
        }
    }

    /// The events that have arrived, without waiting; `ended` when the proxy is gone.
    public mutating func arrivedEvents() throws(ProxyClientError) -> (events: [GuestEvent], ended: Bool) {
        let (lines, ended) = try connection.arrivedLines()
        // A newer proxy may tell what this launcher does not know.
        let events = lines.compactMap { try? JSONDecoder().decode(GuestEvent.self, from: Data($0.utf8)) }
        return (events, ended)
    }

    /// Says that the guest is gone. Afterwards its socket file is removed.
    ///
    /// - Returns: true when the proxy ends with this guest.
    public mutating func end() throws(ProxyClientError) -> Bool {
        let deadline = Deadline.after(ProxyClient.patience)
        try send(GuestRequest.bye, deadline: deadline)
        while let line = try connection.line(deadline: deadline, signals: nil, purpose: "good-bye from the vm-proxy") {
            if line == GuestRequest.byeReply { return false }
            if line == GuestRequest.lastByeReply { return true }
        }
        throw .proxyGone(directory: directory, during: "its good-bye was awaited")
    }
}
