/// Whether a link still carries bytes: what to ask of it and when, how long an answer took, and when it is given up. The
/// same on both sides. A value without a clock: the caller gives the time, in microseconds of a clock that never goes back.
public struct LinkHealth: Sendable {
    /// What is to be done now.
    public enum Action: Equatable, Sendable {
        /// Nothing, until `nextDeadline`.
        case nothing
        /// Send a ping with this value.
        case ping(UInt32)
        /// Give the link up: nothing was received for too long.
        case lost
    }

    /// How long an answer may take before the link is not used for new streams.
    public static let suspectAfter: UInt64 = 2_000_000
    /// The silence after which a link is given up.
    public static let lostAfter: UInt64 = 15_000_000
    /// The time between two pings of the side that asks all the time, the proxy. No link is given up sooner after a ping.
    public static let askingInterval: UInt64 = 5_000_000
    /// The silence after which the other side asks, too, because it is not asked.
    public static let listeningInterval: UInt64 = 7_000_000

    private let asksAlways: Bool
    private let interval: UInt64
    private var lastReceived: UInt64
    private var lastPing: UInt64?
    /// One ping at a time: a byte stream loses none, and a second would come no earlier than the first.
    private var isAnswered = true
    private var isDoubted = false
    private var value: UInt32 = 0
    /// How long the answers took, in microseconds, smoothed as TCP does; nil before the first.
    public private(set) var roundTrip: UInt64?

    /// The health of a link that has just come up.
    ///
    /// - Parameter asksAlways: whether to ping a link on which bytes arrive, too: that measures the round trip.
    public init(now: UInt64, asksAlways: Bool) {
        self.asksAlways = asksAlways
        interval = asksAlways ? LinkHealth.askingInterval : LinkHealth.listeningInterval
        lastReceived = now
    }

    /// Bytes arrived.
    public mutating func received(now: UInt64) { lastReceived = max(lastReceived, now) }

    /// A pong arrived.
    public mutating func answered(_ value: UInt32, now: UInt64) {
        guard value == self.value, !isAnswered, let lastPing else { return }
        isAnswered = true
        isDoubted = false
        let took = now > lastPing ? now - lastPing : 1
        roundTrip = roundTrip.map { ($0 * 7 + took) / 8 } ?? took
    }

    /// There is a reason to think that the link is dead: it is not healthy until it has answered.
    ///
    /// - Returns: the value of the ping to send; nil when one is under way.
    public mutating func doubt(now: UInt64) -> UInt32? {
        isDoubted = true
        return isAnswered ? ask(now) : nil
    }

    /// The value of a ping that shows how long the way is; nil when one is under way.
    public mutating func measure(now: UInt64) -> UInt32? { isAnswered ? ask(now) : nil }

    /// What is due by now.
    public mutating func next(now: UInt64) -> Action {
        guard nextDeadline <= now else { return .nothing }
        // Who looks so late has slept, as a suspended machine has: what was not received meanwhile says nothing.
        if now > nextDeadline + LinkHealth.askingInterval {
            lastReceived = now
            return .ping(ask(now))
        }
        return isAnswered ? .ping(ask(now)) : .lost
    }

    /// When `next` is to be called, at the latest.
    public var nextDeadline: UInt64 {
        if !isAnswered, let lastPing { return max(lastReceived + LinkHealth.lostAfter, lastPing + LinkHealth.askingInterval) }
        // The first question of the side that asks comes at once.
        guard let lastPing else { return asksAlways ? lastReceived : lastReceived + interval }
        return max(lastPing, asksAlways ? 0 : lastReceived) + interval
    }

    /// Whether new streams may use the link.
    public func isHealthy(now: UInt64) -> Bool {
        guard !isDoubted else { return false }
        guard !isAnswered, let lastPing else { return true }
        return now < max(lastPing, lastReceived) + LinkHealth.suspectAfter
    }

    private mutating func ask(_ now: UInt64) -> UInt32 {
        value &+= 1
        lastPing = now
        isAnswered = false
        return value
    }
}
