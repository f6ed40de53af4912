import CLinux
import Testing

@testable import Proxy

/// The clock stands still but for what a test adds, and for 10 us at each look: a wait of 100 us looks ten times.
struct BusyPollTests {
    private final class Clock {
        var now: UInt64 = 1_000_000_000
    }

    /// A client's and a link's socket, and their other ends.
    private final class Conversation {
        let clock = Clock()
        let poll: BusyPoll
        private(set) var client: CInt = -1, link: CInt = -1
        private var farClient: CInt = -1, farLink: CInt = -1

        init(limit: UInt64 = 100_000) {
            let clock = clock
            poll = BusyPoll(limit: limit) {
                clock.now += 10_000
                return clock.now
            }
            (client, farClient) = Self.pair()
            (link, farLink) = Self.pair()
        }

        deinit { for descriptor in [client, farClient, link, farLink] where descriptor >= 0 { close(descriptor) } }

        static func pair() -> (CInt, CInt) {
            var ends: [CInt] = [-1, -1]
            socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends)
            return (ends[0], ends[1])
        }

        /// The client spoke, then the link; after each it was waited.
        @discardableResult
        func turns(_ count: Int, bytes: Int = 1) -> [BusyPoll.Outcome] {
            (0..<count).map { turn in
                poll.received(bytes, from: turn % 2 == 0 ? client : link)
                return poll.wait()
            }
        }

        /// From now on the client has something to say.
        func answer() { _ = send(farClient, "x", 1, 0) }
        /// It has not.
        func drain() {
            var byte: UInt8 = 0
            _ = recv(client, &byte, 1, CInt(MSG_DONTWAIT))
        }

        func hangUp() {
            close(farClient)
            farClient = -1
        }
    }

    @Test func beginsAfterSomeQuickTurnsOfTheSameTwo() {
        let conversation = Conversation()
        conversation.answer()
        // With the first turn there is one socket only, and the second is the first that is quick.
        #expect(conversation.turns(8) == [.none, .none, .none, .none, .none, .hit, .hit, .hit])
    }

    @Test func givesUpWhenItIsInVainAndThenTriesLessOften() {
        let conversation = Conversation()
        let outcomes = conversation.turns(40)
        let misses = outcomes.indices.filter { outcomes[$0] == .miss }
        #expect(!outcomes.contains(.hit))
        // Two misses use up what it begins with; then it takes 8 turns, then 16.
        #expect(misses == [5, 6, 14, 15, 31, 32])
    }

    @Test func aMissIsAllowedNowAndThen() {
        let conversation = Conversation()
        conversation.answer()
        conversation.turns(30)
        conversation.drain()
        #expect(conversation.turns(1) == [.miss])
        conversation.answer()
        #expect(conversation.turns(4) == [.hit, .hit, .hit, .hit])
    }

    @Test func missesEndAtTheLimit() {
        let conversation = Conversation()
        conversation.turns(5)
        let before = conversation.clock.now
        #expect(conversation.turns(1) == [.miss])
        // One look at the clock before, one after.
        #expect(conversation.clock.now - before <= 100_000 + 30_000)
    }

    @Test func aThirdSocketEndsIt() {
        let conversation = Conversation()
        conversation.answer()
        conversation.turns(8)
        let (third, far) = Conversation.pair()
        defer {
            close(third)
            close(far)
        }
        conversation.poll.received(1, from: third)
        #expect(conversation.poll.wait() == .none)
        #expect(conversation.turns(4) == [.none, .none, .none, .none])
    }

    @Test func aLongPieceEndsIt() {
        let conversation = Conversation()
        conversation.answer()
        #expect(conversation.turns(8).last == .hit)
        #expect(conversation.turns(20, bytes: BusyPoll.longestPiece + 1) == Array(repeating: .none, count: 20))
        #expect(conversation.turns(4) == [.none, .none, .hit, .hit])
    }

    @Test func aPauseEndsIt() {
        let conversation = Conversation()
        conversation.answer()
        #expect(conversation.turns(8).last == .hit)
        conversation.clock.now += 500_000
        #expect(conversation.turns(5) == [.none, .none, .none, .none, .hit])
    }

    @Test func turnsThatAreNotQuickNeverBeginIt() {
        let conversation = Conversation()
        conversation.answer()
        for _ in 0..<300 {
            conversation.clock.now += 500_000
            #expect(conversation.turns(1) == [.none])
        }
    }

    @Test func withoutALimitItIsNeverDone() {
        let conversation = Conversation(limit: 0)
        conversation.answer()
        #expect(conversation.turns(20) == Array(repeating: .none, count: 20))
    }

    @Test func aSocketThatIsForgottenIsNotLookedAt() {
        let conversation = Conversation()
        conversation.answer()
        #expect(conversation.turns(8).last == .hit)
        conversation.poll.forget(conversation.client)
        #expect(conversation.poll.wait() == .none)
        conversation.poll.received(1, from: conversation.link)
        #expect(conversation.poll.wait() == .none)
    }

    @Test func theEndOfAConnectionIsNoPieceOfIt() {
        let conversation = Conversation()
        conversation.answer()
        #expect(conversation.turns(8).last == .hit)
        conversation.hangUp()
        #expect(conversation.turns(1) == [.none])
    }
}
