/// What a proxy knows of its guests: the JSON that answers `STATUS`, and `vm ps --json`.
public struct ProxyStatus: Codable, Equatable, Sendable {
    /// The proxy's program and version.
    public var software: String
    /// The proxy's process.
    public var pid: Int32
    /// The guests, by name.
    public var guests: [GuestStatus]

    /// Makes a status from its parts.
    public init(software: String, pid: Int32, guests: [GuestStatus]) {
        self.software = software
        self.pid = pid
        self.guests = guests
    }
}

/// Where a guest stands.
public enum GuestState: String, Codable, Sendable {
    /// Registered, and no link yet.
    case waiting
    /// Linked, and its boot goes on.
    case booting
    /// Its init runs, or the agent stays PID 1.
    case ready
    /// A step of its boot failed; it can be entered.
    case failed
    /// It is powering off.
    case poweringOff = "powering-off"
}

/// One guest.
public struct GuestStatus: Codable, Equatable, Sendable {
    /// How long a guest that was asked to power off may take, in seconds: its init has 30, then the agent ends all programs in 2 and
    /// writes everything to the disks.
    public static let powerOffPatience = 40

    /// Its name.
    public var name: String
    /// Where it stands.
    public var state: GuestState
    /// What the state's report said: which step failed and why, or what runs.
    public var detail: String
    /// The VM's process, when its launcher has told it.
    public var pid: Int32?
    /// Its shell socket.
    public var socket: String
    /// Its links that are up.
    public var links: [LinkStatus]
    /// Shells and commands that run through this proxy.
    public var sessions: Int
    /// Connections to the guest's ports and sockets that are open through this proxy.
    public var connections: Int
    /// How its agent was when it last said so; nil before that.
    public var agent: AgentStatus?
    /// Its boot's steps so far.
    public var steps: [StepStatus]
    /// Steps that went on without something, a sentence each.
    public var warnings: [String]

    /// Makes a status from its parts.
    public init(
        name: String, state: GuestState, detail: String = "", pid: Int32? = nil, socket: String = "", links: [LinkStatus] = [],
        sessions: Int = 0, connections: Int = 0, agent: AgentStatus? = nil, steps: [StepStatus] = [], warnings: [String] = []
    ) {
        self.name = name
        self.state = state
        self.detail = detail
        self.pid = pid
        self.socket = socket
        self.links = links
        self.sessions = sessions
        self.connections = connections
        self.agent = agent
        self.steps = steps
        self.warnings = warnings
    }
}

/// How a guest's agent is.
public struct AgentStatus: Codable, Equatable, Sendable {
    /// The guest's uptime now, in microseconds, reckoned from the agent's last report.
    public var uptimeMicroseconds: UInt64
    /// How old that report is, in milliseconds. The agent reports what has changed, every two seconds at most.
    public var ageMilliseconds: UInt64
    /// Memory that the agent has resident, in bytes.
    public var memoryBytes: UInt64
    /// Shells and commands in the guest, whoever began them.
    public var sessions: Int
    /// Connections and logs that the agent serves.
    public var connections: Int
    /// Links that the agent has up.
    public var links: Int

    /// Makes a status from its parts.
    public init(
        uptimeMicroseconds: UInt64, ageMilliseconds: UInt64, memoryBytes: UInt64, sessions: Int, connections: Int, links: Int
    ) {
        self.uptimeMicroseconds = uptimeMicroseconds
        self.ageMilliseconds = ageMilliseconds
        self.memoryBytes = memoryBytes
        self.sessions = sessions
        self.connections = connections
        self.links = links
    }
}

/// One link of a guest.
public struct LinkStatus: Codable, Equatable, Sendable {
    /// A number that no other link of this proxy has.
    public var id: Int
    /// Streams that are open on it.
    public var streams: Int
    /// The agent's program and version.
    public var software: String
    /// What carries it: `guestfwd`, `virtio-serial`, `vsock` or `socket`.
    public var transport: String
    /// How long a ping takes to the agent and back, in microseconds, smoothed; nil before the first answer.
    public var roundTripMicroseconds: UInt64?
    /// Whether it answers: one that does not gets no new streams.
    public var isHealthy: Bool

    /// Makes a status from its parts.
    public init(
        id: Int, streams: Int, software: String, transport: String = "guestfwd", roundTripMicroseconds: UInt64? = nil,
        isHealthy: Bool = true
    ) {
        self.id = id
        self.streams = streams
        self.software = software
        self.transport = transport
        self.roundTripMicroseconds = roundTripMicroseconds
        self.isHealthy = isHealthy
    }
}

/// How far a step is.
public enum StepState: String, Codable, Sendable {
    /// It has begun.
    case started
    /// It ended well.
    case succeeded
    /// It failed, and the boot with it.
    case failed
    /// It ended without something that the boot can do without.
    case warned
}

/// One step of a boot.
public struct StepStatus: Codable, Equatable, Sendable {
    /// Its place in the boot plan, from 0.
    public var index: Int
    /// Its name.
    public var name: String
    /// How far it is.
    public var state: StepState
    /// The guest's uptime at its start, in microseconds.
    public var startMicroseconds: UInt64
    /// The guest's uptime at its end, in microseconds; nil while it runs.
    public var endMicroseconds: UInt64?
    /// What it found or did, or why it failed.
    public var detail: String

    /// Makes a status from its parts.
    public init(
        index: Int, name: String, state: StepState, startMicroseconds: UInt64, endMicroseconds: UInt64? = nil, detail: String = ""
    ) {
        self.index = index
        self.name = name
        self.state = state
        self.startMicroseconds = startMicroseconds
        self.endMicroseconds = endMicroseconds
        self.detail = detail
    }
}

/// What a guest's launcher is told over its `GUEST` connection: a JSON object a line.
public enum GuestEvent: Codable, Equatable, Sendable {
    /// The agent's link is up.
    case linkUp(LinkStatus)
    /// A link is lost; `remaining` are still up.
    case linkDown(reason: String, remaining: Int)
    /// Somebody posed as this guest, or an agent of another version: why its link was not taken.
    case linkRefused(reason: String)
    /// A step began, went on, or ended.
    case step(StepStatus)
    /// The guest's state changed; microseconds of the guest's uptime.
    case state(GuestState, detail: String, microseconds: UInt64)
}
