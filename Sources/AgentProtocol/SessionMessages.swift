/// A session that runs: the payload of a `started` frame.
public struct SessionStart: Equatable, Sendable {
    /// Its process in the guest.
    public var process: UInt32
    /// Its number, for `attach` and `kill`.
    public var session: UInt64
    /// Whether it has a terminal.
    public var isTerminal: Bool
    /// Whether this client's input is the one that counts.
    public var isWriter: Bool

    /// Makes one from its parts.
    public init(process: UInt32, session: UInt64, isTerminal: Bool, isWriter: Bool) {
        self.process = process
        self.session = session
        self.isTerminal = isTerminal
        self.isWriter = isWriter
    }

    /// The payload's bytes: process (4), session (8), flags (1: terminal 1, writer 2).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(process)
        writer.write(session)
        writer.write(UInt8(isTerminal ? 1 : 0) | UInt8(isWriter ? 2 : 0))
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let process = try reader.readUInt32()
        let session = try reader.readUInt64()
        let flags = try reader.readUInt8()
        self.init(process: process, session: session, isTerminal: flags & 1 != 0, isWriter: flags & 2 != 0)
    }
}

/// A client that wants to see a detached session: the payload of an `attach` frame.
public struct AttachRequest: Equatable, Sendable {
    /// Which session.
    public var session: UInt64
    /// Whether the client has input for it, should no other client write.
    public var wantsInput: Bool
    /// The client's terminal, where it has one.
    public var size: TerminalSize?

    /// Makes a request from its parts.
    public init(session: UInt64, wantsInput: Bool, size: TerminalSize? = nil) {
        self.session = session
        self.wantsInput = wantsInput
        self.size = size
    }

    /// The payload's bytes: session (8), wants input (1), then, where there is a terminal, its size (4).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(session)
        writer.write(UInt8(wantsInput ? 1 : 0))
        return writer.bytes + (size?.encoded() ?? [])
    }

    /// Reads a payload. Throws `truncated`.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        session = try reader.readUInt64()
        wantsInput = try reader.readUInt8() != 0
        size = reader.remaining > 0 ? try TerminalSize(decoding: try reader.readBytes(reader.remaining)) : nil
    }
}

/// A signal for a session: the payload of a `kill` frame.
public struct KillRequest: Equatable, Sendable {
    /// Which session.
    public var session: UInt64
    /// The signal's number; 0 for the one that asks it to end: SIGHUP where it has a terminal, because shells there pass over
    /// SIGTERM, else SIGTERM.
    public var signal: UInt8

    /// Makes a request from its parts.
    public init(session: UInt64, signal: UInt8 = 0) {
        self.session = session
        self.signal = signal
    }

    /// The payload's bytes: session (8), signal (1).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(session)
        writer.write(signal)
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`, or `invalid` for a signal that Linux does not have.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        session = try reader.readUInt64()
        signal = try reader.readUInt8()
        guard signal <= 64 else { throw .invalid("signal") }
    }
}

/// The payload of a `skipped` frame: how many bytes of output a client has missed.
public enum SkippedOutput {
    /// The payload's 8 bytes.
    public static func encoded(_ count: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(count)
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`.
    public static func decode(_ payload: ArraySlice<UInt8>) throws(ProtocolError) -> UInt64 {
        var reader = ByteReader(payload)
        return try reader.readUInt64()
    }
}
