internal import AgentProtocol

/// How good a link is for a new stream: the greater, the better.
struct LinkRating: Comparable {
    /// Whether it answers.
    var isHealthy: Bool
    var transport: LinkTransport
    /// Microseconds; nil before the first answer.
    var roundTrip: UInt64?
    /// Grows with every link.
    var identifier: Int
    /// Whether the guest has not said that it takes no more.
    var takesStreams = true

    /// A link that takes streams first; one that answers before one that does not; then the faster transport; then the shorter round trip; then the newer.
    static func < (one: LinkRating, other: LinkRating) -> Bool {
        if one.takesStreams != other.takesStreams { return other.takesStreams }
        if one.isHealthy != other.isHealthy { return other.isHealthy }
        if one.transport.rank != other.transport.rank { return one.transport.rank > other.transport.rank }
        if one.magnitude != other.magnitude { return one.magnitude > other.magnitude }
        return one.identifier < other.identifier
    }

    /// The round trip's binary digits: what differs by less than twice is equal, or chance would choose.
    private var magnitude: Int { roundTrip.map { UInt64.bitWidth - $0.leadingZeroBitCount } ?? UInt64.bitWidth }
}
