public import NIOCore
internal import Yamux

/// What guests and clients may make the proxy hold. A hostile guest can reach each of these and nothing more; see
/// `docs/security.md`.
public struct ProxyLimits: Sendable {
    /// Links of one guest at once; the oldest gives way to a new one.
    public var linksPerGuest = 4
    /// Connections of one guest, of each way to the proxy, that have not said hello; the oldest gives way to a new one.
    public var newLinksPerGuest = 16
    /// Links that one guest may make at once, and per second after that; each time an agent begins anew counts. More are refused.
    public var newLinksAtOnce = 100
    /// See `newLinksAtOnce`.
    public var newLinksPerSecond = 20
    /// Guests in all.
    public var guestsInAll = 1024
    /// Connections to the proxy's sockets in all; more are closed.
    public var connectionsInAll = 20_000
    /// Streams on one link at once. Each holds at most a yamux window, 256 KiB, of data that its client has not taken.
    public var streamsPerLink = 1024
    /// Bytes in all that wait for clients or guests which do not take them. Beyond it, the guest that holds most loses the stream
    /// that holds most.
    public var bytesInAll = 256 << 20
    /// Bytes that wait for the clients of one link; beyond it, the stream that holds most is cut off.
    public var bytesPerLink = 128 << 20
    /// Bytes that a shell may print for a client that is gone; then it is ended.
    public var bytesForNobody = 16 << 20
    /// Events of a link (pieces of data, ends of streams …) that are handled before the other links and clients have their turn.
    public var eventsPerTurn = 256
    /// Bytes written to a link before the others have their turn.
    public var bytesPerTurn = 1 << 20
    /// Reports of a guest's boot that are handled before the others have their turn.
    public var reportsPerTurn = 32
    /// Reports that may come at once, and per second after that; then the link is cut.
    public var reportsAtOnce = 4096
    /// See `reportsAtOnce`.
    public var reportsPerSecond = 1000
    /// Bytes of one report; the agent's have at most 4.4 KiB.
    public var reportLength = 16 << 10
    /// Lines that may be logged at once because of one guest, and per second after that; more are counted and left out.
    public var logLinesAtOnce = 200
    /// See `logLinesAtOnce`.
    public var logLinesPerSecond = 5
    /// How long an agent may take for its hello.
    public var helloTime = TimeAmount.seconds(10)
    /// Bytes that may come before an agent's hello, where a connection may begin with what is left of another: the most that
    /// the guest's and QEMU's buffers hold, and more.
    public var bytesBeforeHello = 16 << 20
    /// How long bytes that may be the beginning of a hello are held back when no more come.
    public var heldTime = TimeAmount.milliseconds(50)
    /// How long a client of the control socket may take for its request line.
    public var requestTime = TimeAmount.seconds(5)
    /// How long the tokens of a killed proxy's guests are asked for, when their launchers do not come back.
    public var recoveryTime = TimeAmount.seconds(60)
    /// How long a connection that the proxy has ended is left to its client, to read what it was told last.
    public var lingerTime = TimeAmount.seconds(1)
    /// How long the proxy waits awake for a conversation's next piece before it looks at another socket (`BusyPoll`); 0 for never.
    public var busyPollTime = TimeAmount.microseconds(200)
    /// Steps kept of one guest's boot.
    public var stepsPerGuest = 256
    /// Characters kept of a text that a guest sends.
    public var textLength = 1000
    /// Clients that may wait for one guest.
    public var waitersPerGuest = 256
    /// Bytes of events that may wait for a launcher that does not read; it is dropped beyond that.
    public var unreadEventBytes = 1 << 20
    /// Bytes kept of what one guest's boot and console have said: the last 1 MiB of lines, with up to as much again that is
    /// not yet given back to the system.
    public var logBytesPerGuest = 1 << 20
    /// Clients that read one guest's log or watch for its end; each holds at most `logPiece` bytes that it has not taken.
    public var readersPerGuest = 256
    /// Bytes of a log that are written to a reader at once.
    public var logPiece = 64 << 10

    /// The defaults.
    public init() {}

    /// The most memory that the proxy may use for so many guests, in bytes, whatever they do: itself; what waits for clients and
    /// guests; and for each guest the log, the steps, and its links: their queues, each stream's first flight and a window.
    public func memoryBound(guests: Int) -> Int {
        let link = streamsPerLink * (4 << 10) + (2 << 20)
        let steps = stepsPerGuest * 2 * textLength * 4
        return 64 << 20 + bytesInAll + guests * (2 * logBytesPerGuest + steps + linksPerGuest * link + newLinksPerGuest * (128 << 10))
    }

    var yamux: YamuxLimits {
        var limits = YamuxLimits()
        limits.maximumStreams = streamsPerLink
        return limits
    }

    /// A guest's text, safe for a log, a terminal and JSON: control characters are replaced, the length is bounded.
    func cleaned(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(textLength).map { scalar in
                    let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                    return isControl ? " " : scalar
                }))
    }
}
