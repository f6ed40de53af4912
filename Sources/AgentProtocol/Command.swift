/// What `exec` runs, as the client asks for it: the payload of a `command` frame.
public struct Command: Equatable, Sendable {
    /// The program and its arguments, bytes as the client has them: no shell in between. Never empty.
    public var arguments: [[UInt8]]
    /// `NAME=VALUE` pairs, added to the environment that the agent gives every session.
    public var environment: [[UInt8]]
    /// The working directory in the guest; nil for the user's home.
    public var workingDirectory: [UInt8]?
    /// False when the client has no input: the command then reads from `/dev/null`.
    public var wantsInput: Bool

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
    }

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for argument in arguments { writer.writeField(Tag.argument, argument) }
        for variable in environment { writer.writeField(Tag.environment, variable) }
        if let workingDirectory { writer.writeField(Tag.workingDirectory, workingDirectory) }
        if !wantsInput { writer.writeField(Tag.noInput, []) }
        return writer.bytes
    }

    /// Reads a payload.
    ///
    /// - Throws: `truncated`; `invalid` for a command without arguments, a zero byte inside a string, a variable without
    ///   `=`, or a field that this version does not know (a client must not believe that it was obeyed).
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        self.init(arguments: [])
        var reader = ByteReader(payload)
        while let (tag, value) = try reader.readField() {
            guard !value.contains(0) else { throw .invalid("zero byte in a string") }
            switch tag {
            case Tag.argument: arguments.append(Array(value))
            case Tag.environment:
                guard value.contains(UInt8(ascii: "=")) else { throw .invalid("environment variable without '='") }
                environment.append(Array(value))
            case Tag.workingDirectory: workingDirectory = Array(value)
            case Tag.noInput: wantsInput = false
            default: throw .invalid("command field \(tag)")
            }
        }
        guard !arguments.isEmpty else { throw .invalid("arguments") }
    }
}
