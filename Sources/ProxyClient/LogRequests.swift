import AgentProtocol
public import ControlProtocol

extension ProxyClient {
    /// What a guest's boot and its console have said, oldest first.
    ///
    /// - Parameter follow: whether lines go on to come until the guest is gone.
    public func logs(of guest: String, follow: Bool) throws(ProxyClientError) -> LogLines {
        do throws(ProxyClientError) {
            return LogLines(
                try request(.logs(guest: guest, follow: follow), signals: nil, deadline: .after(Self.patience), purpose: "log"))
        } catch {
            // The proxy's sentence does not know which names are near; its status does.
            if case .refused = error { _ = try status(of: guest) }
            throw error
        }
    }

    /// A guest's kernel log, a message a line, as the guest's agent reads it.
    public func kernelLog(of guest: String, follow: Bool) throws(ProxyClientError) -> TextLines {
        let service = Service.log.rawValue + (follow ? ":follow" : "")
        return TextLines(try open(service, of: guest, now: true, deadline: .after(.seconds(15))))
    }
}

/// The lines of a `LOGS` request.
public struct LogLines {
    private var connection: ControlConnection

    init(_ connection: ControlConnection) { self.connection = connection }

    /// Waits for the next line; nil after the last.
    public mutating func next() throws(ProxyClientError) -> LogLine? {
        while let line = try connection.line(deadline: .none, signals: nil, purpose: "line of the log") {
            // A newer proxy may say what this client does not know.
            if let line = LogLine(line: line) { return line }
        }
        return nil
    }
}

/// The lines of a service that sends text.
public struct TextLines {
    private var connection: ControlConnection

    init(_ stream: ServiceStream) { connection = ControlConnection(stream) }

    /// Waits for the next line, without its line feed; nil after the last.
    public mutating func next() throws(ProxyClientError) -> String? {
        try connection.line(deadline: .none, signals: nil, purpose: "line of the log")
    }
}
