internal import CLinux

/// Waits awake, for a moment, for the next piece of a conversation in small pieces: to be woken takes longer than the other side
/// often needs for its answer, and more of the processor's time than to look some times.
///
/// It holds up the event loop. So it is done only while the loop has nothing else to do: while the same two sockets, a client's
/// and a link's, take turns quickly, and only for as long as it mostly is not in vain. A third socket, a long piece and a
/// pause each end it.
final class BusyPoll {
    /// A longer piece is no part of a conversation: who copies wants the processor for the other side.
    static let longestPiece = 4 << 10
    /// How many quick turns there are before it begins: at first, and at most. Each time that it proves to be in vain, twice as
    /// many.
    static let fewestTurns = 4, mostTurns = 256
    /// Each hit earns 1 and each miss costs so much, of what it begins with and of what it has at most; with nothing left it
    /// has been in vain, and with all of it worth while.
    static let costOfMiss = 4, firstBalance = 8, mostBalance = 16

    /// What a wait came to.
    enum Outcome {
        /// There was none.
        case none
        /// One of the sockets can be read.
        case hit
        /// Nothing came within the limit.
        case miss
    }

    /// Nanoseconds; 0 for never.
    private let limit: UInt64
    private let clock: () -> UInt64
    /// Who spoke last, and who did before; -1 for nobody.
    private var sockets: (CInt, CInt) = (-1, -1)
    private var lastTurn: UInt64 = 0
    private var quickTurns = 0
    private var turnsWanted = BusyPoll.fewestTurns
    private var balance = BusyPoll.firstBalance

    /// - Parameters:
    ///   - limit: how long a wait may be, in nanoseconds; 0 for never, as where the other side would have no processor.
    ///   - clock: the time in nanoseconds.
    init(limit: UInt64, clock: @escaping () -> UInt64) {
        self.limit = limit
        self.clock = clock
    }

    /// So many bytes came from a socket.
    func received(_ count: Int, from socket: CInt?) {
        guard limit > 0 else { return }
        guard let socket, count <= Self.longestPiece else { return stop() }
        guard socket != sockets.0 else { return }
        if socket != sockets.1 { stop() }
        sockets = (socket, sockets.0)
    }

    /// The socket is no longer one of a conversation's: its number may soon be another's.
    func forget(_ socket: CInt?) {
        guard let socket, socket == sockets.0 || socket == sockets.1 else { return }
        sockets = (-1, -1)
        stop()
    }

    /// Call it when what came has been handled: waits for more, if that is likely to come at once. The caller's loop reads it.
    @discardableResult
    func wait() -> Outcome {
        guard limit > 0, sockets.1 >= 0 else { return .none }
        let now = clock()
        // Who is asleep learns of a turn later.
        if now - lastTurn > 4 * limit { stop() } else { quickTurns += 1 }
        lastTurn = now
        guard quickTurns >= turnsWanted else { return .none }
        let outcome = look(until: now + limit)
        lastTurn = clock()
        switch outcome {
        case .none: stop()
        case .hit:
            balance = min(balance + 1, Self.mostBalance)
            if balance == Self.mostBalance { turnsWanted = Self.fewestTurns }
        case .miss:
            balance -= Self.costOfMiss
            if balance <= 0 {
                turnsWanted = min(2 * turnsWanted, Self.mostTurns)
                stop()
            }
        }
        return outcome
    }

    private func stop() { (quickTurns, balance) = (0, Self.firstBalance) }

    /// The end of a connection, or an error, is for the loop to find.
    private func look(until end: UInt64) -> Outcome {
        var requests = (
            pollfd(fd: sockets.0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: sockets.1, events: Int16(POLLIN), revents: 0)
        )
        repeat {
            let ready = withUnsafeMutablePointer(to: &requests) {
                $0.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, 0) }
            }
            guard ready == 0 else {
                return ready > 0 && (requests.0.revents | requests.1.revents) == Int16(POLLIN) ? .hit : .none
            }
        } while clock() < end
        return .miss
    }
}
