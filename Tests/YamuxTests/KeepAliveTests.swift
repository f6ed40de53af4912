import Testing
import Yamux

struct KeepAliveTests {
    private static let second: UInt64 = 1_000_000

    @Test func theFirstTickPings() {
        var keepAlive = KeepAlive(interval: 10, bound: 20)
        #expect(keepAlive.nextDeadline == 0)
        let action = keepAlive.tick(now: 100)
        #expect(action == .ping(1))
        #expect(keepAlive.nextDeadline == 120)
    }

    @Test func anAnsweredPingIsFollowedByTheNextAfterTheInterval() {
        var keepAlive = KeepAlive(interval: 1000, bound: 2000)
        func tick(_ now: UInt64) -> KeepAlive.Action { keepAlive.tick(now: now) }
        #expect(tick(0) == .ping(1))
        keepAlive.pong(1, now: 30)
        #expect(keepAlive.nextDeadline == 1000)
        #expect(tick(999) == .wait)
        #expect(tick(1000) == .ping(2))
        #expect(tick(1001) == .wait)
    }

    @Test func anAnswerThatTakesLongerThanTheIntervalIsStillAnAnswer() {
        var keepAlive = KeepAlive(interval: 1000, bound: 5000)
        func tick(_ now: UInt64) -> KeepAlive.Action { keepAlive.tick(now: now) }
        #expect(tick(0) == .ping(1))
        #expect(tick(3000) == .wait)
        keepAlive.pong(1, now: 4000)
        #expect(tick(4000) == .ping(2))
    }

    @Test func aPeerThatDoesNotAnswerWithinTheBoundIsLost() {
        var keepAlive = KeepAlive(interval: 1000, bound: 2000)
        func tick(_ now: UInt64) -> KeepAlive.Action { keepAlive.tick(now: now) }
        #expect(tick(0) == .ping(1))
        #expect(tick(1999) == .wait)
        #expect(tick(2000) == .lost(silence: 2000))
    }

    @Test func onlyTheAnswerToTheLastPingCounts() {
        var keepAlive = KeepAlive(interval: 1000, bound: 2000)
        func tick(_ now: UInt64) -> KeepAlive.Action { keepAlive.tick(now: now) }
        #expect(tick(0) == .ping(1))
        keepAlive.pong(7, now: 10)
        keepAlive.pong(0, now: 10)
        #expect(keepAlive.roundTrip == nil)
        #expect(tick(2000) == .lost(silence: 2000))
    }

    @Test func theShortestRoundTripIsKept() {
        var keepAlive = KeepAlive(interval: 1000, bound: 2000)
        for (start, time) in [(UInt64(0), UInt64(50)), (1000, 20), (2000, 700)] {
            _ = keepAlive.tick(now: start)
            keepAlive.pong(UInt32(start / 1000) + 1, now: start + time)
        }
        #expect(keepAlive.roundTrip == 700)
        #expect(keepAlive.shortestRoundTrip == 20)
    }

    /// A paused machine finds the answer unread when it goes on: it must read before it judges.
    @Test func whoSleptThroughTheBoundWaitsOnceMore() {
        var keepAlive = KeepAlive(interval: 10 * Self.second, bound: 20 * Self.second)
        func tick(_ now: UInt64) -> KeepAlive.Action { keepAlive.tick(now: now) }
        #expect(tick(0) == .ping(1))
        let awake = 3600 * Self.second
        #expect(tick(awake) == .wait)
        #expect(keepAlive.nextDeadline == awake + 20 * Self.second)
        var answered = keepAlive
        answered.pong(1, now: awake + 5)
        #expect(answered.roundTrip == nil)
        #expect(answered.tick(now: awake + 5) == .ping(2))
        #expect(tick(2 * awake) == .lost(silence: 2 * awake))
    }

    @Test func absurdTimesDoNotOverflow() {
        var keepAlive = KeepAlive(interval: .max, bound: .max)
        let first = keepAlive.tick(now: 1 << 60)
        #expect(first == .ping(1))
        let second = keepAlive.tick(now: 1 << 60 + 1)
        #expect(second == .wait)
    }
}
