/// What a frame inside a stream carries. Numbers are on the wire: never reuse one.
public enum FrameType: UInt8, Sendable {
    // Every stream begins with `open` from the side that opened it, answered by `accepted` or `refused`.
    /// Payload: the service's name, UTF-8.
    case open = 0x00
    /// The service begins. No payload.
    case accepted = 0x01
    /// The service cannot be had. Payload: why, UTF-8. The stream ends.
    case refused = 0x02

    // exec and attach, client to agent
    /// Payload: a `Command`. First frame of the service.
    case command = 0x10
    /// Payload: bytes for the command's standard input, no more in all than the `InputAllowance` has room for.
    case standardInput = 0x11
    /// The command's standard input ends. No payload.
    case endOfInput = 0x12
    /// Payload: a signal number (1 byte) for the command's process group.
    case signal = 0x13
    /// The client's terminal has changed. Payload: a `TerminalSize`.
    case resize = 0x14
    /// Payload: an `AttachRequest`. First frame of attach.
    case attach = 0x15
    /// Payload: a `KillRequest`. First and only frame of kill.
    case kill = 0x16

    // exec and attach, agent to client
    /// The command runs. Payload: a `SessionStart`. The last frame of an exec that is detached.
    case started = 0x20
    /// Payload: bytes from the command's standard output.
    case standardOutput = 0x21
    /// Payload: bytes from the command's standard error.
    case standardError = 0x22
    /// The last frame of an exec or attach. Payload: an `ExitStatus`.
    case ended = 0x23
    /// The command has taken input. Payload: how many more bytes the client may send (4 bytes).
    case inputTaken = 0x24
    /// This client did not keep up with a detached session. Payload: how many bytes of output it has missed here (8 bytes).
    case skipped = 0x25
    /// This client's input is the one that counts from now on. Payload: 1.
    case writer = 0x26

    // sessions and kill, agent to client
    /// Payload: a `SessionReport`.
    case session = 0x27
    /// All was said, or done. No payload.
    case done = 0x28
    /// It was not done. Payload: why, UTF-8.
    case failed = 0x29

    // events, agent to proxy
    /// Payload: a `StepReport`.
    case step = 0x30
    /// Payload: a `BootReport`.
    case boot = 0x31
    /// Payload: an `AgentReport`. Sent when it has changed, no more often than every two seconds.
    case agent = 0x32

    // copy-in and copy-out; see `docs/protocol.md`, "Copy". The sender is the client in copy-in, the agent in copy-out.
    /// Client to agent, first frame. Payload: a `CopyRequest`.
    case copyRequest = 0x40
    /// Sender. Payload: a `CopyEntry`.
    case copyEntry = 0x41
    /// Sender. Payload: the next bytes of the file.
    case copyData = 0x42
    /// Sender. As many zeros follow in the file, which need no room. Payload: how many (8 bytes).
    case copyHole = 0x43
    /// Sender. The file ends. Payload: the XXH64 of the payloads of its data and hole frames (8 bytes).
    case copyFileEnd = 0x44
    /// Sender. The file cannot be sent to its end; what was received of it is void. No payload.
    case copyAbandon = 0x45
    /// Sender. The directory's entries end. No payload.
    case copyLeave = 0x46
    /// Either. Payload: a `CopyProblem`.
    case copyProblem = 0x47
    /// Sender. Everything was sent. No payload.
    case copyEnd = 0x48
    /// Receiver, its last frame. Payload: a `CopyResult`.
    case copyResult = 0x49
}

/// One frame: type (1 byte), payload length (4 bytes, big-endian), payload.
public struct Frame: Equatable, Sendable {
    /// What the payload is.
    public var type: FrameType
    /// The payload's bytes.
    public var payload: ArraySlice<UInt8>

    /// Makes a frame from its parts.
    public init(_ type: FrameType, _ payload: ArraySlice<UInt8> = []) {
        self.type = type
        self.payload = payload
    }

    /// Makes a frame whose payload is text, as `open` and `refused` have.
    public init(_ type: FrameType, text: String) {
        self.init(type, ArraySlice(text.utf8))
    }

    /// The payload as UTF-8 text, with U+FFFD for what is not UTF-8.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    /// Bytes before the payload.
    public static let headerLength = 5
    /// The most bytes that a payload may have.
    public static let maximumPayloadLength = 1 << 20
    /// The payload length that senders of data should use at most where they copy it, so that a stream's window holds several.
    public static let preferredDataLength = 32 << 10

    /// The frame's bytes.
    public func encoded() -> [UInt8] {
        var bytes = Frame.header(type, length: payload.count)
        payload.withUnsafeBytes { bytes.append(copying: $0) }
        return bytes
    }

    /// Reads the length from the bytes behind a frame's type.
    static func payloadLength(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> Int {
        var reader = ByteReader(bytes)
        let length = Int(try reader.readUInt32())
        guard length <= maximumPayloadLength else { throw .tooLong(length: length, limit: maximumPayloadLength) }
        return length
    }

    /// The bytes before a payload of `length` bytes.
    public static func header(_ type: FrameType, length: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(headerLength)
        writer.write(type.rawValue)
        writer.write(UInt32(truncatingIfNeeded: length))
        return writer.bytes
    }
}

/// Turns a stream's bytes into frames. A value without I/O: append what arrived, then take frames until there are none.
public struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var position = 0

    /// Makes a decoder at the beginning of a stream.
    public init() {}

    /// Adds bytes that arrived.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if position > 0 {
            // The frames that were taken have the old bytes: adding to those would copy them all first, one by one.
            var rest: [UInt8] = []
            rest.reserveCapacity(buffer.count - position + bytes.count)
            buffer.withUnsafeBytes { rest.append(copying: UnsafeRawBufferPointer(rebasing: $0[position...])) }
            (buffer, position) = (rest, 0)
        }
        if bytes.withContiguousStorageIfAvailable({ buffer.append(copying: UnsafeRawBufferPointer($0)) }) == nil {
            buffer.append(contentsOf: bytes)
        }
    }

    /// The next whole frame, or nil until more bytes arrive.
    ///
    /// - Throws: `unexpectedFrame` for a type that the protocol does not have, `tooLong` for a length over the limit.
    ///   The stream is then of no more use.
    public mutating func next() throws(ProtocolError) -> Frame? {
        guard buffer.count - position >= Frame.headerLength else { return nil }
        guard let type = FrameType(rawValue: buffer[position]) else { throw .unexpectedFrame(buffer[position]) }
        let length = try Frame.payloadLength(buffer[(position + 1)...])
        let start = position + Frame.headerLength
        guard buffer.count - start >= length else { return nil }
        position = start + length
        let frame = Frame(type, buffer[start..<position])
        // The bytes are the frame's alone.
        if position == buffer.count { (buffer, position) = ([], 0) }
        return frame
    }

    /// Takes the bytes that no frame has used: what follows `accepted` on a raw service.
    public mutating func takeRemainder() -> ArraySlice<UInt8> {
        defer { (buffer, position) = ([], 0) }
        return buffer[position...]
    }

    /// How many bytes wait for the rest of their frame.
    public var bufferedCount: Int { buffer.count - position }

    /// After `next` has given none: how many bytes are missing until there is a header, or, behind that, until there is a frame.
    var missingCount: Int {
        guard bufferedCount >= Frame.headerLength else { return Frame.headerLength - bufferedCount }
        let length = (try? Frame.payloadLength(buffer[(position + 1)...])) ?? 0
        return max(1, Frame.headerLength + length - bufferedCount)
    }
}
