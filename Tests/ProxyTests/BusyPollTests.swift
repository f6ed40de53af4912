import CLinux
import Testing

@testable import Proxy

/// The clock stands still but for what a test adds, and for 10 us at each look.
struct BusyPollTests {
    private final class Conversation {
        var now: UInt64 = 1_000_000_000
        /// What a look finds.
        var found = BusyPoll.Outcome.hit
        private(set) var looks: [[CInt]] = []
        private let limit: UInt64
        var client: CInt = 10, link: CInt = 11

        private(set) lazy var poll = BusyPoll(
            limit: limit, clock: { [unowned self] in now },
            look: { [unowned self] client, link in
                now += 10_000
                looks.append([client, link])
                return found
            })

        init(limit: UInt64 = 100_000) { self.limit = limit }

        /// The client speaks, then the link, and so on; after each it is waited.
        @discardableResult
        func turns(_ count: Int, bytes: Int = 1, pause: UInt64 = 0) -> [BusyPoll.Outcome] {
            (0..<count).map { turn in
                now += pause
                let socket = turn % 2 == 0 ? client : link
                poll.received(bytes, from: socket, of: turn % 2 == 0 ? .client : .link)
                return poll.wait(after: socket)
            }
        }

        /// One side speaks so many times.
        func pieces(_ count: Int, of side: BusyPoll.Side, socket: CInt? = nil) -> [BusyPoll.Outcome] {
            let socket = socket ?? (side == .client ? client : link)
            return (0..<count).map { _ in
                poll.received(1, from: socket, of: side)
                return poll.wait(after: socket)
            }
        }
    }

    private func none(_ count: Int) -> [BusyPoll.Outcome] { Array(repeating: .none, count: count) }

    @Test func beginsAfterSomeQuickTurns() {
        let conversation = Conversation()
        // The first two make the conversation known, and the second is its first turn.
        #expect(conversation.turns(8) == none(4) + [.hit, .hit, .hit, .hit])
        #expect(conversation.looks == Array(repeating: [conversation.client, conversation.link], count: 4))
    }

    @Test func waitsForAsLongAsTheLimit() {
        let conversation = Conversation()
        conversation.turns(4)
        conversation.found = .miss
        let before = conversation.now
        #expect(conversation.turns(1) == [.miss])
        #expect(conversation.now - before == 100_000)
        #expect(conversation.looks.count == 10)
    }

    @Test func whatIsFoundLateIsFound() {
        let conversation = Conversation()
        let end = conversation.now + 50_000
        let poll = BusyPoll(limit: 100_000, clock: { conversation.now }) { _, _ in
            conversation.now += 10_000
            return conversation.now < end ? .miss : .hit
        }
        for turn in 0..<6 { poll.received(1, from: turn % 2 == 0 ? 5 : 6, of: turn % 2 == 0 ? .client : .link) }
        #expect(poll.wait(after: 6) == .hit)
        #expect(conversation.now == end)
    }

    @Test func givesUpWhatIsInVainAndThenTriesLessOften() {
        let conversation = Conversation()
        conversation.found = .miss
        let outcomes = conversation.turns(20_000)
        let misses = outcomes.indices.filter { outcomes[$0] == .miss }
        #expect(!outcomes.contains(.hit))
        // Two misses use up the balance; then it takes 8 turns, then 16, and 4,096 at most.
        #expect(misses.prefix(6) == [4, 5, 13, 14, 30, 31])
        #expect(zip(misses.dropFirst(), misses).map { $0 - $1 }.max() == 4_096)
    }

    @Test func anotherClientDoesNotLetItForgetThatItWasGivenUp() {
        let conversation = Conversation()
        conversation.found = .miss
        conversation.turns(40)
        conversation.poll.forget(conversation.client)
        conversation.client = 12
        #expect(conversation.turns(30) == none(30))
        // Nor does the next get more misses.
        conversation.client = 13
        #expect(conversation.turns(80).filter { $0 == .miss }.count == 2)
    }

    @Test func aSecondLaterItIsTriedAsAtFirst() {
        let conversation = Conversation()
        conversation.found = .miss
        conversation.turns(100)
        conversation.now += 1_100_000_000
        #expect(conversation.turns(5) == none(3) + [.miss, .miss])
    }

    @Test func whatIsWorthWhileAgainIsAsBefore() {
        let conversation = Conversation()
        conversation.found = .miss
        conversation.turns(100)
        conversation.found = .hit
        conversation.turns(300)
        #expect(conversation.turns(4, pause: 500_000) == none(4))
        // The last of those is the first that counts.
        #expect(conversation.turns(4) == none(2) + [.hit, .hit])
    }

    @Test func aMissIsAllowedNowAndThen() {
        let conversation = Conversation()
        conversation.turns(30)
        conversation.found = .miss
        #expect(conversation.turns(3) == [.miss, .miss, .miss])
        conversation.found = .hit
        #expect(conversation.turns(4) == [.hit, .hit, .hit, .hit])
    }

    @Test(arguments: [BusyPoll.Side.client, .link]) func anotherSocketEndsIt(side: BusyPoll.Side) {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        #expect(conversation.pieces(1, of: side, socket: 12) == [.none])
    }

    @Test func whatElseGoesOnEndsIt() {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        conversation.poll.stop()
        #expect(conversation.poll.wait(after: conversation.link) == .none)
        #expect(conversation.turns(4) == none(3) + [.hit])
    }

    @Test(arguments: [nil, 12] as [CInt?]) func theEndOfAnotherSocketEndsIt(socket: CInt?) {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        #expect(conversation.poll.wait(after: socket) == .none)
        #expect(conversation.poll.wait(after: conversation.link) == .none)
    }

    @Test func aSocketThatIsNotKnownEndsIt() {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        conversation.poll.received(1, from: nil, of: .link)
        #expect(conversation.turns(1) == [.none])
    }

    @Test func aLongPieceEndsIt() {
        let conversation = Conversation()
        #expect(conversation.turns(8, bytes: BusyPoll.longestPiece).last == .hit)
        #expect(conversation.turns(20, bytes: BusyPoll.longestPiece + 1) == none(20))
        #expect(conversation.turns(4) == none(3) + [.hit])
    }

    @Test(arguments: [BusyPoll.Side.client, .link]) func whoSpeaksOnAndOnIsNotWaitedFor(side: BusyPoll.Side) {
        let conversation = Conversation()
        #expect(conversation.turns(9).last == .hit)
        #expect(conversation.pieces(20, of: side).dropFirst(BusyPoll.piecesInRow) == none(20).dropFirst(BusyPoll.piecesInRow))
    }

    @Test func aPauseEndsIt() {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        #expect(conversation.turns(1, pause: 180_000) == [.hit])
        #expect(conversation.turns(1, pause: 210_000) == [.none])
        #expect(conversation.turns(5).last == .hit)
    }

    @Test func turnsThatAreNotQuickNeverBeginIt() {
        let conversation = Conversation()
        #expect(conversation.turns(300, pause: 500_000) == none(300))
        #expect(conversation.looks.isEmpty)
    }

    @Test func withoutALimitItIsNeverDone() {
        let conversation = Conversation(limit: 0)
        #expect(conversation.turns(20) == none(20))
        #expect(conversation.looks.isEmpty)
    }

    @Test(arguments: [BusyPoll.Side.client, .link]) func aSocketThatIsForgottenIsNotLookedAt(side: BusyPoll.Side) {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        conversation.poll.forget(side == .client ? conversation.client : conversation.link)
        let looks = conversation.looks.count
        #expect(conversation.poll.wait(after: side == .client ? conversation.link : conversation.client) == .none)
        // The number is another's now; what was found before the other spoke is not looked for.
        #expect(conversation.turns(3) == none(3))
        #expect(conversation.looks.count == looks)
    }

    @Test func anEndIsLeftToTheLoop() {
        let conversation = Conversation()
        #expect(conversation.turns(8).last == .hit)
        conversation.found = .none
        #expect(conversation.turns(1) == [.none])
        conversation.found = .hit
        #expect(conversation.turns(3) == none(3))
    }

    @Test func aLookSaysWhatIsThere() {
        var client: [CInt] = [-1, -1], link: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &client) == 0)
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &link) == 0)
        defer { for descriptor in client + link where descriptor >= 0 { close(descriptor) } }
        #expect(BusyPoll.poll(client[0], link[0]) == .miss)
        #expect(send(link[1], "x", 1, 0) == 1)
        #expect(BusyPoll.poll(client[0], link[0]) == .hit)
        shutdown(client[1], CInt(SHUT_WR))
        #expect(BusyPoll.poll(client[0], link[0]) == .none)
        close(client[1])
        client[1] = -1
        #expect(BusyPoll.poll(client[0], link[0]) == .none)
    }
}
