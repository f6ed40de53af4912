/// How long to wait before a lost link is made again: twice as long each time, within bounds.
struct ReconnectDelay: Sendable {
    /// The first delay, in microseconds.
    static let first: UInt64 = 50_000
    /// The longest delay, in microseconds, where nothing else is said.
    static let longest: UInt64 = 1_500_000

    private let longest: UInt64
    private var current = ReconnectDelay.first

    init(longest: UInt64 = ReconnectDelay.longest) { self.longest = longest }

    /// The delay to wait now; the next one is twice as long.
    mutating func next() -> UInt64 {
        defer { current = min(current * 2, longest) }
        return current
    }

    /// A link was made: begin again with the first delay.
    mutating func reset() { current = ReconnectDelay.first }
}
