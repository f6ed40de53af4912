/// What the peer may send on one stream, and what of it the application has not used.
struct ReceiveWindow: Sendable {
    /// Where the specification lets every window begin. Never less.
    static let minimum: UInt32 = 256 << 10

    /// What credit is given up to.
    private(set) var target = minimum
    /// What the peer may still send.
    private(set) var available = minimum
    /// What arrived and was not consumed.
    private(set) var held: UInt32 = 0
    /// The peer sends no more.
    private(set) var isClosed = false
    /// When the first data arrived, or the last credit was given.
    private var markedAt: UInt64?

    /// How far the stream's owner can be made to hold more than the specification's window.
    var extra: Int {
        let most = isClosed ? held : max(target, available + held)
        return most > ReceiveWindow.minimum ? Int(most - ReceiveWindow.minimum) : 0
    }

    /// The peer used `count` bytes of its credit, which it has.
    mutating func arrived(_ count: UInt32, now: UInt64?) {
        available -= count
        held += count
        if markedAt == nil { markedAt = now }
    }

    /// The application has used `count` bytes; more than it holds count as all.
    mutating func consumed(_ count: Int) { held -= UInt32(min(max(0, count), Int(held))) }

    /// The credit that is due now: it travels in lumps of half a window, as in the original.
    var due: UInt32 {
        guard !isClosed, available + held < target else { return 0 }
        let credit = target - available - held
        return credit >= target / 2 ? credit : 0
    }

    /// Whether half a window was used within two round trips: the window, and not the application, holds the peer back.
    func isTooSmall(now: UInt64?, roundTrip: UInt64?) -> Bool {
        guard let now, let roundTrip, let markedAt, now >= markedAt else { return false }
        return now - markedAt <= roundTrip.multipliedReportingOverflow(by: 2).partialValue
    }

    mutating func give(_ credit: UInt32, now: UInt64?) {
        available += credit
        markedAt = now
    }

    mutating func grow(to target: UInt32) { self.target = max(self.target, target) }
    /// No credit is given until the peer has used up what it has beyond the smallest window.
    mutating func shrink() { target = ReceiveWindow.minimum }
    mutating func close() { isClosed = true }
}
