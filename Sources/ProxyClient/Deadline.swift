/// Until when a wait may last. A value, so that one bound can cover several waits.
public struct Deadline: Sendable {
    /// The moment, or nil for a wait that somebody else bounds.
    let instant: ContinuousClock.Instant?
    /// How long the wait was to last when it began.
    let length: Duration

    /// The wait is bounded by the other side, or by the user.
    public static let none = Deadline(instant: nil, length: .zero)

    /// The wait ends `duration` from now.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: .now.advanced(by: duration), length: duration)
    }

    /// Whether there is such a moment.
    public var isBounded: Bool { instant != nil }

    /// Whether the moment has come.
    public var hasPassed: Bool { instant.map { $0 <= .now } ?? false }

    /// The one of the two that comes first.
    public func earlier(_ other: Deadline) -> Deadline {
        guard let instant else { return other }
        return other.instant.map { $0 < instant } ?? false ? other : self
    }

    /// Milliseconds from now, rounded up, as `poll` takes them: -1 for no bound, 0 when the moment has come.
    public var pollTimeout: CInt {
        guard let instant else { return -1 }
        let (seconds, attoseconds) = ContinuousClock.Instant.now.duration(to: instant).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let milliseconds = min(seconds, 1_000_000) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return CInt(clamping: milliseconds)
    }
}
