internal import CLinux

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
        /// There is something to read.
        case hit
        /// Nothing came within the limit.
        case miss
    }

    /// A longer piece is no part of a conversation: who copies wants the processor for the other side.
    static let longestPiece = 4 << 10
    /// So many pieces of one side in a row are none either.
    static let piecesInRow = 4
    /// How many quick turns there are before it is waited: at first, and at most. Each time that it was given up, twice as many.
    static let fewestTurns = 4, mostTurns = 256
    /// The balance of hits, 1 each, and misses, which cost 4: it begins with 8. With 0 it is given up, and with 16, the most, it is
    /// as if it never had been.
    static let costOfMiss = 4, firstBalance = 8, mostBalance = 16

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

    /// - Parameters:
    ///   - limit: how long a wait may be, in nanoseconds; 0 for never, as where the other side would have no processor.
    ///   - clock: the time in nanoseconds.
    ///   - look: whether a client's and a link's socket have something to read: looks once, and does not wait.
    init(limit: UInt64, clock: @escaping () -> UInt64, look: @escaping (_ client: CInt, _ link: CInt) -> Outcome = BusyPoll.poll) {
        self.limit = limit
        self.clock = clock
        self.look = look
    }

    /// So many bytes came from a socket; nil for one that is not known.
    func received(_ count: Int, from socket: CInt?, of side: Side) {
        guard limit > 0 else { return }
        guard let socket, count <= Self.longestPiece else { return stop() }
        if socket != (side == .client ? client : link) { begin(side, socket) }
        let now = clock()
        // Who is asleep learns of a piece later.
        if now - lastPiece > 2 * limit { stop() }
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
        guard let socket else { return }
        if socket == client { begin(.client, -1) }
        if socket == link { begin(.link, -1) }
    }

    /// Another conversation.
    private func begin(_ side: Side, _ socket: CInt) {
        if side == .client { client = socket } else { link = socket }
        balance = Self.firstBalance
        stop()
    }

    /// Call it when what came has been handled: waits for more, if that is likely to come at once. The caller's loop reads it.
    @discardableResult
    func wait() -> Outcome {
        guard limit > 0, client >= 0, link >= 0, quickTurns >= turnsWanted else { return .none }
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
                balance = Self.firstBalance
                stop()
            }
        }
        return outcome
    }

    /// Looks with poll(2).
    static func poll(_ client: CInt, _ link: CInt) -> Outcome {
        var requests = (pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: link, events: Int16(POLLIN), revents: 0))
        let ready = withUnsafeMutablePointer(to: &requests) {
            $0.withMemoryRebound(to: pollfd.self, capacity: 2) { CLinux.poll($0, 2, 0) }
        }
        guard ready != 0 else { return .miss }
        return ready > 0 && (requests.0.revents | requests.1.revents) == Int16(POLLIN) ? .hit : .none
    }
}
