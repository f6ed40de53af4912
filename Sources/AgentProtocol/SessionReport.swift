/// What kind of session it is.
public enum SessionKind: UInt8, Sendable {
    /// A raw shell, as `NAME.socket` gives.
    case shell = 0
    /// A command of a client that waits for it.
    case exec = 1
    /// A command that waits for nobody.
    case detached = 2
    /// A copy of files, in or out.
    case copy = 3

    /// Whether its stream carries the process's bytes as they are, without frames of the session's.
    public var isRaw: Bool { self == .shell || self == .copy }
}

/// One session of a guest: the payload of a `session` frame.
public struct SessionReport: Equatable, Sendable {
    /// Its number, which no other session of this boot has or had.
    public var session: UInt64
    /// What kind it is.
    public var kind: SessionKind
    /// Whether it has a terminal.
    public var isTerminal: Bool
    /// Its process in the guest.
    public var process: UInt32
    /// Microseconds since it was started.
    public var age: UInt64
    /// How it ended; nil while it runs.
    public var end: ExitStatus?
    /// Clients that see its output now.
    public var clients: UInt16
    /// Who runs it; the user's name, or number.
    public var user: [UInt8]
    /// The program and its arguments; what is over `commandLimit` bytes is left out.
    public var command: [[UInt8]]

    /// The most bytes of a command that are reported.
    public static let commandLimit = 512

    /// Makes a report from its parts.
    public init(
        session: UInt64, kind: SessionKind, isTerminal: Bool = false, process: UInt32, age: UInt64, end: ExitStatus? = nil,
        clients: UInt16 = 0, user: [UInt8], command: [[UInt8]]
    ) {
        self.session = session
        self.kind = kind
        self.isTerminal = isTerminal
        self.process = process
        self.age = age
        self.end = end
        self.clients = clients
        self.user = user
        self.command = command
    }

    private enum Tag {
        static let user: UInt8 = 1
        static let argument: UInt8 = 2
        static let end: UInt8 = 3
    }

    /// The payload's bytes: session (8), kind (1), terminal (1), process (4), age (8), clients (2), then fields: user 1,
    /// argument 2, end 3.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(session)
        writer.write(kind.rawValue)
        writer.write(UInt8(isTerminal ? 1 : 0))
        writer.write(process)
        writer.write(age)
        writer.write(clients)
        writer.writeField(Tag.user, user)
        var room = SessionReport.commandLimit
        for argument in command where room > 0 {
            writer.writeField(Tag.argument, argument.prefix(room))
            room -= argument.count + 1
        }
        if let end { writer.writeField(Tag.end, end.encoded()) }
        return writer.bytes
    }

    /// Reads a payload; passes over fields that it does not know. Throws `truncated`, or `invalid` for an unknown kind.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let session = try reader.readUInt64()
        guard let kind = SessionKind(rawValue: try reader.readUInt8()) else { throw .invalid("session kind") }
        self.init(
            session: session, kind: kind, isTerminal: try reader.readUInt8() != 0, process: try reader.readUInt32(),
            age: try reader.readUInt64(), clients: try reader.readUInt16(), user: [], command: [])
        while let (tag, value) = try reader.readField() {
            switch tag {
            case Tag.user: user = Array(value)
            case Tag.argument: command.append(Array(value))
            case Tag.end: end = try ExitStatus(decoding: value)
            default: break
            }
        }
    }
}
