import Testing

@testable import GuestSessions

@Suite struct ReconnectDelayTests {
    @Test func theDelayDoublesUntilItIsTheLongest() {
        var delay = ReconnectDelay()
        #expect((0..<8).map { _ in delay.next() } == [50, 100, 200, 400, 800, 1_500, 1_500, 1_500].map { $0 * 1_000 })
    }

    @Test func theDelayStaysWithinItsBoundsForEver() {
        var delay = ReconnectDelay()
        for _ in 0..<10_000 { #expect((ReconnectDelay.first...ReconnectDelay.longest).contains(delay.next())) }
        // A lost link comes back within 2 s of being possible.
        #expect(ReconnectDelay.longest < 2_000_000)
    }

    @Test func aLinkThatWasMadeBeginsAnew() {
        var delay = ReconnectDelay()
        for _ in 0..<20 { _ = delay.next() }
        delay.reset()
        #expect(delay.next() == ReconnectDelay.first)
        #expect(delay.next() == 2 * ReconnectDelay.first)
    }
}
