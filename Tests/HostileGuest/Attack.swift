/// What a hostile guest can try on its link.
public enum Attack: String, CaseIterable, Sendable {
    /// Sends on a stream far more than its window.
    case beyondWindow
    /// Gives the proxy windows that do not fit 32 bits.
    case windowOverflow
    /// Opens streams without end.
    case streams
    /// Opens streams and ends and resets them, without end.
    case churn
    /// Sends random bytes where yamux should be.
    case garbage
    /// Sends random bytes where a hello should be.
    case noHello
    /// Sends the beginning of a hello, and no more.
    case halfHello
    /// Sends the beginning of a frame, and no more, also no answers.
    case halfFrame
    /// Pings without end.
    case pings
    /// Reports steps of its boot without end, with control characters in them.
    case reports
    /// Sends a report that is far too long.
    case longReport
    /// Sends on two streams byte by byte, within their windows: nothing forbidden, but dear.
    case tinyPieces
    /// Never reads what clients send it.
    case neverReads
    /// Makes links without end, with hellos.
    case links
    /// Makes connections without end, which say nothing.
    case silentLinks
    /// Says hello without end, on one connection.
    case hellos

    /// What clients of the guest the attack is about.
    public enum Clients: Sendable {
        case none
        /// They read.
        case reading
        /// They do not read.
        case silent
        /// They write, as much as they can.
        case writing
    }

    /// What clients the attack needs: two that ask for a shell.
    public var clients: Clients {
        switch self {
        case .beyondWindow: .silent
        case .tinyPieces: .reading
        case .neverReads: .writing
        default: .none
        }
    }

    /// What the proxy logs when it cuts the guest off; nil for an attack that is bounded without that.
    public var logLine: String? {
        switch self {
        case .beyondWindow: "sent more than its window"
        case .windowOverflow: "was given a window of over 4 GiB"
        case .streams, .churn: "streams per second opened to no purpose"
        case .garbage: "broke the protocol"
        case .noHello: "was refused"
        case .halfHello: "no hello within the time"
        case .halfFrame: "nothing came from the guest"
        case .pings: "pings per second"
        case .reports: "boot reports per second"
        case .longReport: "its boot reports"
        case .tinyPieces, .neverReads: nil
        case .links: "a newer link took its place"
        case .hellos: "too many links"
        case .silentLinks: "a newer one took its place"
        }
    }
}
