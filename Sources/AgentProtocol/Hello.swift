/// The first bytes on a link, from each side; yamux follows. See `docs/protocol.md`, "Hello".
///
///     offset  size  field
///     0       8     magic: 89 56 4D 41 0D 0A 1A 0A ("\x89VMA\r\n\x1a\n")
///     8       2     protocol version, big-endian
///     10      2     length N of the fields, big-endian
///     12      N     fields: tag (1), length (4, big-endian), bytes
public struct Hello: Equatable, Sendable {
    /// Why the proxy does not take a link, in the proxy's hello only.
    public var refusal: String?
    /// The guest's `/proc/sys/kernel/random/boot_id`, as text. Empty from the proxy.
    public var bootID: String
    /// What proves that the sender is the guest's root; at most 128 bytes. Empty from the proxy.
    public var token: [UInt8]
    /// The sender's program and version, for logs.
    public var software: String
    /// Bytes that the agent makes anew for every hello and that the proxy's answer repeats, at most 16: on a transport that
    /// keeps the bytes of an earlier connection, an answer to that one is not taken for an answer to this one.
    public var nonce: [UInt8]
    /// What carries the link. Nil from the proxy, and from an agent that uses a transport unknown to this side.
    public var transport: LinkTransport?

    /// True from a proxy that has begun to listen where an agent may be connected already, and asks it for a hello.
    public var isRequest: Bool

    /// Makes a hello for this side's protocol version.
    public init(
        bootID: String = "", token: [UInt8] = [], software: String = "", nonce: [UInt8] = [], transport: LinkTransport? = nil,
        refusal: String? = nil, isRequest: Bool = false
    ) {
        self.bootID = bootID
        self.token = token
        self.software = software
        self.nonce = nonce
        self.transport = transport
        self.refusal = refusal
        self.isRequest = isRequest
    }

    /// The protocol version that this code speaks.
    public static let version: UInt16 = 1
    /// The eight bytes that begin every hello.
    public static let magic: [UInt8] = [0x89, 0x56, 0x4D, 0x41, 0x0D, 0x0A, 0x1A, 0x0A]
    /// The most bytes that the fields may take.
    public static let maximumFieldsLength = 1024
    static let headerLength = 12

    enum Tag {
        static let bootID: UInt8 = 1
        static let token: UInt8 = 2
        static let software: UInt8 = 3
        static let refusal: UInt8 = 4
        static let nonce: UInt8 = 5
        static let transport: UInt8 = 6
        static let request: UInt8 = 7
    }

    /// The hello's bytes. Texts are cut so that all fields fit: 64 bytes of boot id, 128 of software, 512 of refusal.
    public func encoded() -> [UInt8] {
        var fields = ByteWriter()
        // What `HelloScanner` looks for comes first.
        if isRequest { fields.writeField(Tag.request, []) }
        if !token.isEmpty { fields.writeField(Tag.token, token) }
        if !nonce.isEmpty { fields.writeField(Tag.nonce, nonce) }
        if !bootID.isEmpty { fields.writeField(Tag.bootID, bootID.utf8.prefix(64)) }
        if !software.isEmpty { fields.writeField(Tag.software, software.utf8.prefix(128)) }
        if let transport { fields.writeField(Tag.transport, transport.rawValue.utf8) }
        if let refusal { fields.writeField(Tag.refusal, refusal.utf8.prefix(512)) }
        var writer = ByteWriter(bytes: Hello.magic)
        writer.write(Hello.version)
        writer.write(UInt16(truncatingIfNeeded: fields.bytes.count))
        return writer.bytes + fields.bytes
    }

    /// Reads a hello from the front of `bytes`.
    ///
    /// - Returns: the hello and how many bytes it took, or nil when `bytes` is a proper beginning of one.
    /// - Throws: `notAHello` at the first byte that differs from the magic, `unsupportedVersion`, `tooLong`, or
    ///   `truncated` for a field that overruns the fields' length. Fields with unknown tags are passed over.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> (hello: Hello, length: Int)? {
        for (byte, expected) in zip(bytes, magic) where byte != expected { throw .notAHello }
        guard bytes.count >= headerLength else { return nil }
        var header = ByteReader(bytes.dropFirst(magic.count))
        let version = try header.readUInt16()
        let length = Int(try header.readUInt16())
        guard version == Hello.version else { throw .unsupportedVersion(version) }
        guard length <= maximumFieldsLength else { throw .tooLong(length: length, limit: maximumFieldsLength) }
        guard bytes.count >= headerLength + length else { return nil }

        var hello = Hello()
        var fields = ByteReader(bytes.dropFirst(headerLength).prefix(length))
        while let (tag, value) = try fields.readField() {
            switch tag {
            case Tag.bootID: hello.bootID = String(decoding: value, as: UTF8.self)
            case Tag.token:
                guard value.count <= 128 else { throw .tooLong(length: value.count, limit: 128) }
                hello.token = Array(value)
            case Tag.software: hello.software = String(decoding: value, as: UTF8.self)
            case Tag.nonce:
                guard value.count <= 16 else { throw .tooLong(length: value.count, limit: 16) }
                hello.nonce = Array(value)
            case Tag.transport: hello.transport = LinkTransport(rawValue: String(decoding: value, as: UTF8.self))
            case Tag.request: hello.isRequest = true
            case Tag.refusal: hello.refusal = String(decoding: value, as: UTF8.self)
            default: break
            }
        }
        return (hello, headerLength + length)
    }
}
