/// How far a boot step is.
public enum StepOutcome: UInt8, Sendable {
    /// It has begun.
    case started = 0
    /// It ended well.
    case succeeded = 1
    /// It failed, and the boot with it.
    case failed = 2
    /// Something in it failed that the boot can do without; the detail says what.
    case warned = 3
}

/// One event of one boot step: the payload of a `step` frame.
public struct StepReport: Equatable, Sendable {
    /// The step's place in the boot plan, from 0.
    public var index: UInt16
    /// How far it is.
    public var outcome: StepOutcome
    /// The guest's uptime in microseconds.
    public var uptime: UInt64
    /// The step's name, as in `vm-agent plan`.
    public var name: String
    /// What it found or did, or why it failed; one line.
    public var detail: String

    /// Makes a report from its parts.
    public init(index: UInt16, outcome: StepOutcome, uptime: UInt64, name: String, detail: String = "") {
        self.index = index
        self.outcome = outcome
        self.uptime = uptime
        self.name = name
        self.detail = detail
    }

    /// The payload's bytes: index (2), outcome (1), uptime (8), name length (2), name, detail.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(index)
        writer.write(outcome.rawValue)
        writer.write(uptime)
        writer.write(UInt16(truncatingIfNeeded: min(name.utf8.count, 256)))
        writer.bytes.append(contentsOf: name.utf8.prefix(256))
        writer.bytes.append(contentsOf: detail.utf8.prefix(4096))
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`, or `invalid` for an unknown outcome or an impossible uptime.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let index = try reader.readUInt16()
        guard let outcome = StepOutcome(rawValue: try reader.readUInt8()) else { throw .invalid("step outcome") }
        let uptime = try reader.readUptime()
        let nameLength = Int(try reader.readUInt16())
        let name = try reader.readBytes(nameLength)
        let detail = try reader.readBytes(reader.remaining)
        self.init(
            index: index, outcome: outcome, uptime: uptime, name: String(decoding: name, as: UTF8.self),
            detail: String(decoding: detail, as: UTF8.self))
    }
}

/// Where a boot as a whole stands.
public enum BootState: UInt8, Sendable {
    /// Steps are running.
    case booting = 0
    /// `init=` was entered, or the agent itself stays as PID 1.
    case ready = 1
    /// A step failed; the agent stays and can be entered.
    case failed = 2
    /// The guest is powering off.
    case poweringOff = 3
}

/// A change of the boot's state: the payload of a `boot` frame.
public struct BootReport: Equatable, Sendable {
    /// The new state.
    public var state: BootState
    /// The guest's uptime in microseconds.
    public var uptime: UInt64
    /// One line: which step failed and why, or what was entered.
    public var detail: String

    /// Makes a report from its parts.
    public init(state: BootState, uptime: UInt64, detail: String = "") {
        self.state = state
        self.uptime = uptime
        self.detail = detail
    }

    /// The payload's bytes: state (1), uptime (8), detail.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(state.rawValue)
        writer.write(uptime)
        writer.bytes.append(contentsOf: detail.utf8.prefix(4096))
        return writer.bytes
    }

    /// Reads a payload. Throws `truncated`, or `invalid` for an unknown state or an impossible uptime.
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        guard let state = BootState(rawValue: try reader.readUInt8()) else { throw .invalid("boot state") }
        let uptime = try reader.readUptime()
        self.init(state: state, uptime: uptime, detail: String(decoding: try reader.readBytes(reader.remaining), as: UTF8.self))
    }
}
