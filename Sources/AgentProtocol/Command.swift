/// What `exec` runs, as the client asks for it: the payload of a `command` frame.
public struct Command: Equatable, Sendable {
    /// The program and its arguments, bytes as the client has them: no shell in between. Empty for the user's own shell.
    public var arguments: [[UInt8]]
    /// `NAME=VALUE` pairs, added to the environment that the agent gives every session.
    public var environment: [[UInt8]]
    /// The working directory in the guest; nil for the user's home.
    public var workingDirectory: [UInt8]?
    /// False when the client has no input: the command then reads from `/dev/null`.
    public var wantsInput: Bool
    /// Who runs it: `NAME`, `UID` or either with `:GROUP`, by the guest's `/etc/passwd` and `/etc/group`; nil for root.
    public var user: [UInt8]?
    /// After how many milliseconds the agent ends its process group; nil for never.
    public var timeout: UInt64?
    /// The terminal that it gets; nil for three pipes.
    public var terminal: Terminal?
    /// Whether it outlives the client, and the link: the client is sent `started` and nothing more.
    public var isDetached = false

    /// A terminal for a command.
    public struct Terminal: Equatable, Sendable {
        /// Its size at the beginning.
        public var size: TerminalSize
        /// Its kind: the value of `TERM`.
        public var kind: [UInt8]

        /// Makes a description from its parts.
        public init(size: TerminalSize, kind: [UInt8]) {
            self.size = size
            self.kind = kind
        }
    }

    /// Makes a command from its parts.
    public init(
        arguments: [[UInt8]], environment: [[UInt8]] = [], workingDirectory: [UInt8]? = nil, wantsInput: Bool = true
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.wantsInput = wantsInput
    }

    private enum Tag {
        static let argument: UInt8 = 1
        static let environment: UInt8 = 2
        static let workingDirectory: UInt8 = 3
        static let noInput: UInt8 = 4
        static let user: UInt8 = 5
        static let timeout: UInt8 = 6
        static let terminal: UInt8 = 7
        static let detached: UInt8 = 8
        static let shell: UInt8 = 9
    }

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for argument in arguments { writer.writeField(Tag.argument, argument) }
        if arguments.isEmpty { writer.writeField(Tag.shell, []) }
        for variable in environment { writer.writeField(Tag.environment, variable) }
        if let workingDirectory { writer.writeField(Tag.workingDirectory, workingDirectory) }
        if !wantsInput { writer.writeField(Tag.noInput, []) }
        if let user { writer.writeField(Tag.user, user) }
        if let timeout {
            var value = ByteWriter()
            value.write(timeout)
            writer.writeField(Tag.timeout, value.bytes)
        }
        if let terminal { writer.writeField(Tag.terminal, terminal.size.encoded() + terminal.kind) }
        if isDetached { writer.writeField(Tag.detached, []) }
        return writer.bytes
    }

    /// Reads a payload.
    ///
    /// - Throws: `truncated`; `invalid` for a command with neither arguments nor the word that the shell is wanted, a zero byte
    ///   inside a string, a variable without `=`, or a field that this version does not know (a client must not believe that it
    ///   was obeyed).
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        self.init(arguments: [])
        var wantsShell = false
        var reader = ByteReader(payload)
        while let (tag, value) = try reader.readField() {
            switch tag {
            case Tag.argument: arguments.append(try Command.string(value))
            case Tag.environment:
                guard value.contains(UInt8(ascii: "=")) else { throw .invalid("environment variable without '='") }
                environment.append(try Command.string(value))
            case Tag.workingDirectory: workingDirectory = try Command.string(value)
            case Tag.noInput: wantsInput = false
            case Tag.user: user = try Command.string(value)
            case Tag.timeout:
                var number = ByteReader(value)
                timeout = try number.readUInt64()
            case Tag.terminal:
                terminal = Terminal(size: try TerminalSize(decoding: value), kind: try Command.string(value.dropFirst(4)))
            case Tag.detached: isDetached = true
            case Tag.shell: wantsShell = true
            default: throw .invalid("command field \(tag)")
            }
        }
        guard arguments.isEmpty == wantsShell else { throw .invalid("arguments") }
    }

    private static func string(_ value: ArraySlice<UInt8>) throws(ProtocolError) -> [UInt8] {
        guard !value.contains(0) else { throw .invalid("zero byte in a string") }
        return Array(value)
    }
}
