/// What can be wrong with bytes from the other side of a link.
public enum ProtocolError: Error, Equatable, Sendable {
    /// The bytes end inside a field.
    case truncated
    /// The first bytes of a link are not a hello's magic.
    case notAHello
    /// The hello is of a protocol version that this side does not speak.
    case unsupportedVersion(UInt16)
    /// A frame or hello announces more bytes than the protocol allows.
    case tooLong(length: Int, limit: Int)
    /// A frame of this type has no place here.
    case unexpectedFrame(UInt8)
    /// A field holds a value that it may not have; the text names the field.
    case invalid(String)

    /// One sentence for a log line.
    public var text: String {
        switch self {
        case .truncated: "the bytes end inside a field"
        case .notAHello: "the first bytes are not a vm-agent hello"
        case .unsupportedVersion(let version): "protocol version \(version) is not supported (this side speaks \(Hello.version))"
        case .tooLong(let length, let limit): "a length of \(length) bytes is over the limit of \(limit)"
        case .unexpectedFrame(let type): "a frame of type \(type) has no place here"
        case .invalid(let field): "the field '\(field)' has an invalid value"
        }
    }
}
