import AgentProtocol
import Testing

@Suite struct LinkHealthTests {
    private let second: UInt64 = 1_000_000

    @Test func theAskingSideAsksAtOnceAndThenAtIntervals() {
        var health = LinkHealth(now: 0, asksAlways: true)
        #expect(health.next(now: 0) == .ping(1))
        health.received(now: 300)
        health.answered(1, now: 300)
        #expect(health.roundTrip == 300)
        #expect(health.next(now: 4 * second) == .nothing)
        health.received(now: 5 * second)
        #expect(health.next(now: 5 * second) == .ping(2))
    }

    @Test func theListeningSideAsksOnlyAfterSilence() {
        var health = LinkHealth(now: 0, asksAlways: false)
        for time in stride(from: 0, to: 60 * second, by: 5 * Int(second)) {
            #expect(health.next(now: UInt64(time)) == .nothing)
            health.received(now: UInt64(time))
        }
        #expect(health.nextDeadline == 62 * second)
        #expect(health.next(now: 62 * second) == .ping(1))
    }

    @Test func theListeningSideCanMeasureTheWayWithoutDoubtingTheLink() {
        var health = LinkHealth(now: 0, asksAlways: false)
        #expect(health.measure(now: 10) == 1)
        #expect(health.measure(now: 11) == nil)
        #expect(health.isHealthy(now: 11))
        health.answered(1, now: 510)
        #expect(health.roundTrip == 500)
    }

    @Test func aSilentLinkIsLostAfterItsBound() {
        for asksAlways in [true, false] {
            var health = LinkHealth(now: 0, asksAlways: asksAlways)
            var time: UInt64 = 0
            var lost: UInt64?
            while lost == nil, time < 60 * second {
                time = max(time, health.nextDeadline)
                if health.next(now: time) == .lost { lost = time }
            }
            #expect(lost == LinkHealth.lostAfter)
        }
    }

    @Test func aLinkThatCarriesBytesIsNeverLost() {
        var health = LinkHealth(now: 0, asksAlways: true)
        for time in stride(from: 0, to: 100 * second, by: Int(second)) {
            #expect(health.next(now: UInt64(time)) != .lost)
            health.received(now: UInt64(time))
        }
    }

    @Test func anUnansweredLinkIsNotUsedAndAnAnsweredOneIsAgain() {
        var health = LinkHealth(now: 0, asksAlways: true)
        #expect(health.next(now: 0) == .ping(1))
        #expect(health.isHealthy(now: 1 * second))
        #expect(!health.isHealthy(now: 3 * second))
        health.received(now: 4 * second)
        health.answered(1, now: 4 * second)
        #expect(health.isHealthy(now: 4 * second))
    }

    @Test func aDoubtedLinkHasToAnswerFirst() {
        var health = LinkHealth(now: 0, asksAlways: true)
        #expect(health.next(now: 0) == .ping(1))
        health.answered(1, now: 10)
        #expect(health.doubt(now: 20) == 2)
        #expect(health.doubt(now: 30) == nil)
        health.received(now: 40)
        #expect(!health.isHealthy(now: 40))
        health.answered(1, now: 45)
        #expect(!health.isHealthy(now: 45))
        health.answered(2, now: 50)
        #expect(health.isHealthy(now: 50))
    }

    @Test func whoHasSleptAsksBeforeItGivesUp() {
        var health = LinkHealth(now: 0, asksAlways: true)
        #expect(health.next(now: 0) == .ping(1))
        // Suspended for an hour, with a question under way.
        #expect(health.next(now: 3_600 * second) == .ping(2))
        #expect(health.next(now: 3_605 * second) == .nothing)
        #expect(health.next(now: 3_615 * second) == .lost)
    }
}
