/// How the agent itself is: the payload of an `agent` frame, and the answer of the service `status`.
public struct AgentReport: Equatable, Sendable {
    /// The guest's uptime in microseconds, when this was true.
    public var uptime: UInt64
    /// Memory that the agent's serving process has resident, in KiB.
    public var memory: UInt32
    /// Shells and commands in the guest.
    public var sessions: UInt32
    /// Connections to ports and sockets in the guest.
    public var connections: UInt32
    /// Links that are up.
    public var links: UInt32

    /// Makes a report from its parts.
    public init(uptime: UInt64 = 0, memory: UInt32 = 0, sessions: UInt32 = 0, connections: UInt32 = 0, links: UInt32 = 0) {
        self.uptime = uptime
        self.memory = memory
        self.sessions = sessions
        self.connections = connections
        self.links = links
    }

    /// The payload's bytes: uptime (8), memory (4), sessions (4), connections (4), links (4).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(uptime)
        for number in [memory, sessions, connections, links] { writer.write(number) }
        return writer.bytes
    }

    /// Reads a payload; passes over what a later version has added at its end. Throws `truncated`, or `invalid` for an
    /// impossible uptime.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        self.init(uptime: try reader.readUptime())
        memory = try reader.readUInt32()
        sessions = try reader.readUInt32()
        connections = try reader.readUInt32()
        links = try reader.readUInt32()
    }

    /// A line each, a word and a number: for people and scripts.
    public var text: String {
        var text = "uptime-microseconds \(uptime)\n"
        for (name, number) in [("memory-kib", memory), ("sessions", sessions), ("connections", connections), ("links", links)] {
            text += name + " " + String(number) + "\n"
        }
        return text
    }
}
