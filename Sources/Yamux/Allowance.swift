/// How often something may happen: so many times per second, a second's worth at once. Without the time, as often as it
/// likes.
struct Allowance: Sendable {
    let perSecond: Int
    /// When the last one would have happened, had all kept to an even pace.
    private var pace: UInt64 = 0

    private static let second: UInt64 = 1_000_000

    init(perSecond: Int) { self.perSecond = perSecond }

    /// Whether one more may happen at `now`, in microseconds.
    mutating func take(now: UInt64?) -> Bool {
        guard let now else { return true }
        guard perSecond > 0 else { return false }
        pace = max(pace, now) + Allowance.second / UInt64(perSecond)
        return pace <= now + Allowance.second
    }
}
