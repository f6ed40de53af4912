/// The last seconds of a process group that has to go: it was asked by a signal, and is killed when it does not.
///
/// Its leader may end before the others; then they have the rest of the time, and the leader stays a zombie meanwhile, so that
/// the group's number is surely its own. Uptimes in microseconds.
struct SessionEnding: Equatable {
    /// Time to act on the signal: 2 s.
    static let grace: UInt64 = 2_000_000
    /// How often to look whether the others have gone, once the leader has.
    static let interval: UInt64 = 50_000

    private let killAt: UInt64
    private var lookAt: UInt64?
    private(set) var isKilled = false

    init(now: UInt64) { killAt = now + SessionEnding.grace }

    /// When `act` has something to do.
    var nextDeadline: UInt64? { isKilled ? nil : min(killAt, lookAt ?? .max) }

    /// What is to be done now.
    enum Action: Equatable { case nothing, lookForOthers, kill }

    mutating func act(now: UInt64) -> Action {
        guard let deadline = nextDeadline, deadline <= now else { return .nothing }
        if killAt <= now {
            isKilled = true
            return .kill
        }
        return .lookForOthers
    }

    /// Others of the group still run, without their leader.
    mutating func othersRun(now: UInt64) { lookAt = now + SessionEnding.interval }
}
