/// How often something may happen: so many times at once, and so many per second in the long run.
struct RateLimit {
    let atOnce: Int
    let perSecond: Int
    /// When the last one would have happened, had all kept to an even pace; microseconds.
    private var pace: UInt64 = 0

    init(atOnce: Int, perSecond: Int) { (self.atOnce, self.perSecond) = (atOnce, perSecond) }

    /// Whether one more may happen at `now`, in microseconds of a clock that never goes back.
    mutating func take(now: UInt64) -> Bool {
        let step = 1_000_000 / UInt64(max(1, perSecond))
        let next = max(pace, now) + step
        guard next <= now + step * UInt64(max(1, atOnce)) else { return false }
        pace = next
        return true
    }
}
