internal import CLinux
internal import NIOCore

/// Waits awake, for a moment, for the next piece of a conversation in small pieces: to be woken takes longer than the other side
/// often needs for its answer, and more of the processor's time than to look some times.
///
/// It holds up the event loop, for `limit` at most. So it is done only while the loop has heard of nothing but this one conversation: a
/// client and a link that take turns, and quickly. Another socket, a long piece, several pieces of one side in a row and a pause each
/// end it; and it is given up, for longer each time, when it mostly was in vain.
final class BusyPoll {
    /// The two sides of a conversation.
    enum Side { case client, link }

    /// What a wait came to.
    enum Outcome {
        /// It was not waited, or what came is an end or an error, which is for the loop to find.
        case none
        /// There is something to read. It may be what the loop does not read now, because nobody takes it.
        case hit
        /// Nothing came within the limit.
        case miss
    }

    /// A longer piece is no part of a conversation: who copies wants the processor for the other side.
    static let longestPiece = 4 << 10
    /// So many pieces of one side in a row are none either.
    static let piecesInRow = 4
    /// How many quick turns there are before it is waited: at first, and at most. Each time that it was given up, twice as many.
    static let fewestTurns = 4, mostTurns = 4_096
    /// The balance of hits, 1 each, and misses, which cost 4: it begins with 8. With 0 it is given up, and with 16, the most, it is
    /// as if it never had been given up; as it is after a second without.
    static let costOfMiss = 4, firstBalance = 8, mostBalance = 16
    /// Nanoseconds.
    static let memory: UInt64 = 1_000_000_000

    /// Nanoseconds; 0 for never.
    private let limit: UInt64
    private let clock: () -> UInt64
    private let look: (CInt, CInt) -> Outcome
    /// -1 for nobody.
    private var client: CInt = -1
    private var link: CInt = -1
    private var speaker: Side?
    private var inRow = 0
    private var lastPiece: UInt64 = 0
    private var quickTurns = 0
    private var turnsWanted = BusyPoll.fewestTurns
    private var balance = BusyPoll.firstBalance
    /// When it was given up last; 0 when that is forgotten.
    private var gaveUp: UInt64 = 0

    /// - Parameters:
    ///   - limit: how long a wait may be, in nanoseconds; 0 for never, as where the other side would have no processor.
    ///   - clock: the time in nanoseconds.
    ///   - look: whether a client's and a link's socket have something to read: looks once, and does not wait.
    init(limit: UInt64, clock: @escaping () -> UInt64, look: @escaping (_ client: CInt, _ link: CInt) -> Outcome = BusyPoll.poll) {
        self.limit = limit
        self.clock = clock
        self.look = look
    }

    /// As the limits say, with the clock of the event loop; never, where there is one processor: whom it waits for would wait for it.
    convenience init(_ limits: ProxyLimits) {
        // The one number knows quotas, the other affinities.
        let processors = min(System.coreCount, Int(linux_usable_processors()))
        let limit = processors > 1 ? limits.busyPollTime.nanoseconds : 0
        self.init(limit: UInt64(max(0, limit)), clock: { NIODeadline.now().uptimeNanoseconds })
    }

    /// So many bytes came from a socket; nil for one that is not known.
    func received(_ count: Int, from socket: CInt?, of side: Side) {
        guard limit > 0 else { return }
        guard let socket, count <= Self.longestPiece else { return stop() }
        if socket != (side == .client ? client : link) { begin(side, socket) }
        let now = clock()
        // Who is asleep learns of a piece later.
        if now - lastPiece > 2 * limit { stop() }
        if gaveUp > 0, now - gaveUp > Self.memory { (turnsWanted, balance, gaveUp) = (Self.fewestTurns, Self.firstBalance, 0) }
        lastPiece = now
        if side == speaker {
            inRow += 1
            if inRow == Self.piecesInRow { stop() }
        } else {
            (speaker, inRow) = (side, 1)
            quickTurns += 1
        }
    }

    /// Something else goes on: it is not waited until the conversation has gone on for a while.
    func stop() { (quickTurns, inRow) = (0, 0) }

    /// The socket has no more to say: its number may soon be another's.
    func forget(_ socket: CInt?) {
        stop()
        guard let socket else { return }
        if socket == client { begin(.client, -1) }
        if socket == link { begin(.link, -1) }
    }

    /// Another conversation.
    private func begin(_ side: Side, _ socket: CInt) {
        if side == .client { client = socket } else { link = socket }
        balance = min(balance, Self.firstBalance)
        stop()
    }

    /// Call it when what came from a socket has been handled: waits for more of its conversation, if that is likely to come at once. The
    /// caller's loop reads it.
    @discardableResult
    func wait(after socket: CInt?) -> Outcome {
        guard limit > 0, quickTurns >= turnsWanted else { return .none }
        guard let socket, socket == client || socket == link else {
            stop()
            return .none
        }
        let end = clock() + limit
        var outcome = Outcome.miss
        repeat { outcome = look(client, link) } while outcome == .miss && clock() < end
        switch outcome {
        case .none: stop()
        case .hit:
            balance = min(balance + 1, Self.mostBalance)
            if balance == Self.mostBalance { turnsWanted = Self.fewestTurns }
        case .miss:
            balance -= Self.costOfMiss
            if balance <= 0 {
                turnsWanted = min(2 * turnsWanted, Self.mostTurns)
                gaveUp = clock()
                balance = Self.firstBalance
                stop()
            }
        }
        return outcome
    }

    /// Looks with poll(2).
    static func poll(_ client: CInt, _ link: CInt) -> Outcome {
        let events = Int16(POLLIN) | Int16(linux_poll_half_close)
        var requests = (pollfd(fd: client, events: events, revents: 0), pollfd(fd: link, events: events, revents: 0))
        let ready = withUnsafeMutablePointer(to: &requests) {
            $0.withMemoryRebound(to: pollfd.self, capacity: 2) { CLinux.poll($0, 2, 0) }
        }
        guard ready != 0 else { return .miss }
        return ready > 0 && (requests.0.revents | requests.1.revents) == Int16(POLLIN) ? .hit : .none
    }
}
