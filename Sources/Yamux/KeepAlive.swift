/// When to ping a peer, and when to give it up. A value without I/O or clock: the owner calls `tick` at `nextDeadline` with
/// the time (microseconds of a clock that never goes back), does what it says, and hands over the pongs.
///
///     switch keepAlive.tick(now: now) {
///     case .wait: break
///     case .ping(let value): yamux.ping(value)
///     case .lost(let silence): …  // close the link
///     }
///     …
///     case .pong(let value): keepAlive.pong(value, now: now); yamux.roundTrip = keepAlive.shortestRoundTrip
///
/// The first `tick` pings at once: the round trip is known from the beginning.
public struct KeepAlive: Sendable {
    /// What to do now.
    public enum Action: Equatable, Sendable {
        /// Nothing before `nextDeadline`.
        case wait
        /// Send a ping of this value.
        case ping(UInt32)
        /// The peer has not answered the last ping for so many microseconds, which is more than the bound.
        case lost(silence: UInt64)
    }

    /// Microseconds from one ping to the next.
    public let interval: UInt64
    /// Microseconds that an answer may take.
    public let bound: UInt64

    /// Microseconds that the last answer took.
    public private(set) var roundTrip: UInt64?
    /// Microseconds that the quickest answer took: the path's own length, without what queues on it.
    public private(set) var shortestRoundTrip: UInt64?

    private var value: UInt32 = 0
    private var nextPing: UInt64 = 0
    /// The ping that is not answered.
    private var outstanding: Ping?

    private struct Ping {
        var sentAt: UInt64
        var deadline: UInt64
        var wasPutOff = false
    }

    /// A tick that comes this much later than it was due says that it was we who slept.
    private static let late: UInt64 = 1_000_000
    /// More than any clock counts, and far from overflow.
    private static let longest: UInt64 = 1 << 60

    /// Pings every `interval` microseconds, 10 s by default, and waits for each answer for `bound`, 20 s by default. The bound
    /// must cover what queues on the path, and a guest that is slow to be scheduled.
    public init(interval: UInt64 = 10_000_000, bound: UInt64 = 20_000_000) {
        self.interval = min(max(1, interval), KeepAlive.longest)
        self.bound = min(max(1, bound), KeepAlive.longest)
    }

    /// When `tick` has something to do next; it may be called earlier.
    public var nextDeadline: UInt64 { outstanding?.deadline ?? nextPing }

    /// What is to be done at `now`.
    public mutating func tick(now: UInt64) -> Action {
        guard var ping = outstanding else {
            guard now >= nextPing else { return .wait }
            value &+= 1
            outstanding = Ping(sentAt: now, deadline: now + bound)
            nextPing = now + interval
            return .ping(value)
        }
        guard now >= ping.deadline else { return .wait }
        if now - ping.deadline >= KeepAlive.late, !ping.wasPutOff {
            // The machine or this process was stopped: the answer may lie unread.
            ping.wasPutOff = true
            ping.deadline = now + bound
            outstanding = ping
            return .wait
        }
        return .lost(silence: now - ping.sentAt)
    }

    /// The peer answered a ping. Answers to others than the last are ignored.
    public mutating func pong(_ value: UInt32, now: UInt64) {
        guard let ping = outstanding, value == self.value else { return }
        outstanding = nil
        guard !ping.wasPutOff, now >= ping.sentAt else { return }
        let time = max(1, now - ping.sentAt)
        roundTrip = time
        shortestRoundTrip = min(time, shortestRoundTrip ?? time)
    }
}
