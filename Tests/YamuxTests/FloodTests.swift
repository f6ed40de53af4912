import Testing

@testable import Yamux

/// What a hostile peer can do too often.
struct FloodTests {
    private static func limits(_ change: (inout YamuxLimits) -> Void) -> YamuxLimits {
        var limits = YamuxLimits()
        change(&limits)
        return limits
    }

    @Test func theDefaultsAreAsDocumented() {
        let limits = YamuxLimits()
        #expect(limits.maximumStreams == 1024)
        #expect(limits.maximumUnacknowledged == 256)
        #expect(limits.preferredOutput == 64 << 10)
        #expect(limits.maximumFrame == 32 << 10)
        #expect(limits.maximumControlOutput == 256 << 10)
        #expect(limits.maximumStreamWindow == 4 << 20)
        #expect(limits.maximumExtraWindow == 16 << 20)
        #expect(limits.pingsPerSecond == 1000)
        #expect(limits.unservedStreamsPerSecond == 2000)
        #expect(limits.emptyFramesPerSecond == 10_000)
    }

    @Test func aSecondsWorthIsAllowedAtOnceAndThenTheRate() {
        var allowance = Allowance(perSecond: 10)
        func take(_ now: UInt64?) -> Bool { allowance.take(now: now) }
        for _ in 0..<10 { #expect(take(1_000_000)) }
        #expect(!take(1_000_000))
        allowance = Allowance(perSecond: 10)
        for step in 0..<1000 { #expect(take(UInt64(step) * 100_000)) }
        allowance = Allowance(perSecond: 0)
        #expect(!take(1))
        #expect(take(nil))
    }

    @Test func aPeerThatPingsWithoutReadingIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.maximumControlOutput = 1200 })
        for value: UInt32 in 0..<100 { try side.receive(Raw.ping(value, Flag.syn)) }
        #expect(throws: YamuxError.outputLimit(1212)) { try side.receive(Raw.ping(100, Flag.syn)) }
    }

    @Test func aPeerThatPingsTooOftenIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.pingsPerSecond = 100 })
        for second: UInt64 in 1...5 {
            side.yamux.advance(to: second * 1_000_000)
            for value: UInt32 in 0..<100 { try side.receive(Raw.ping(value, Flag.syn)) }
            _ = side.written()
        }
        #expect(throws: YamuxError.flood(.pings, perSecond: 100)) {
            for _ in 0...100 { try side.receive(Raw.ping(1, Flag.syn)) }
        }
        #expect(side.written().suffix(12) == Raw.goAway(1)[...])
    }

    @Test func aPeerThatOpensAndResetsTooOftenIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.unservedStreamsPerSecond = 50 })
        side.yamux.advance(to: 1)
        #expect(throws: YamuxError.flood(.unservedStreams, perSecond: 50)) {
            for stream in stride(from: UInt32(1), to: 200, by: 2) {
                try side.receive(Raw.window(stream, 0, Flag.syn) + Raw.window(stream, 0, Flag.rst))
            }
        }
        #expect(side.allEvents().count == 2 * 50 + 2)
    }

    @Test func aPeerWhoseStreamsAreAllRefusedIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.unservedStreamsPerSecond = 50 })
        side.yamux.advance(to: 1)
        var opened = 0
        #expect(throws: YamuxError.flood(.unservedStreams, perSecond: 50)) {
            for stream in stride(from: UInt32(1), to: 200, by: 2) {
                try side.receive(Raw.window(stream, 0, Flag.syn))
                opened += 1
                side.reset(stream)
            }
        }
        #expect(opened == 51)
    }

    @Test func aPeerThatOpensMoreThanTheLimitForEverIsCutOff() throws {
        let side = Side(
            .server,
            limits: Self.limits {
                $0.maximumStreams = 1
                $0.unservedStreamsPerSecond = 50
            })
        side.yamux.advance(to: 1)
        #expect(throws: YamuxError.flood(.unservedStreams, perSecond: 50)) {
            for stream in stride(from: UInt32(1), to: 200, by: 2) { try side.receive(Raw.window(stream, 0, Flag.syn)) }
        }
        #expect(side.streamCount == 1)
    }

    @Test func streamsThatWereServedMayBeResetAsOftenAsOneLikes() throws {
        let side = Side(.server, limits: Self.limits { $0.unservedStreamsPerSecond = 1 })
        side.yamux.advance(to: 1)
        for stream in stride(from: UInt32(1), to: 2000, by: 2) {
            try side.receive(Raw.window(stream, 0, Flag.syn))
            #expect(side.send(stream, [1]) == 1)
            try side.receive(Raw.window(stream, 0, Flag.rst))
            _ = side.written()
        }
    }

    @Test(arguments: [Raw.data(1, []), Raw.window(1), Raw.window(1, 0, Flag.ack), Raw.header(2, 0, 0, 7)])
    func aPeerThatSendsFramesWithNothingInThemIsCutOff(_ frame: [UInt8]) throws {
        let side = Side(.server, limits: Self.limits { $0.emptyFramesPerSecond = 50 })
        side.yamux.advance(to: 1)
        try side.receive(Raw.window(1, 0, Flag.syn))
        #expect(throws: YamuxError.flood(.emptyFrames, perSecond: 50)) { for _ in 0...50 { try side.receive(frame) } }
    }

    @Test func aPeerThatRepeatsItsFinishIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.emptyFramesPerSecond = 50 })
        side.yamux.advance(to: 1)
        try side.receive(Raw.window(1, 0, Flag.syn))
        #expect(throws: YamuxError.flood(.emptyFrames, perSecond: 50)) {
            for _ in 0...51 { try side.receive(Raw.window(1, 0, Flag.fin)) }
        }
    }

    @Test func aPeerThatWritesToStreamsThatAreOverIsCutOff() throws {
        let side = Side(.server, limits: Self.limits { $0.emptyFramesPerSecond = 50 })
        side.yamux.advance(to: 1)
        try side.receive(Raw.window(1, 0, Flag.syn) + Raw.window(1, 0, Flag.rst))
        #expect(throws: YamuxError.flood(.emptyFrames, perSecond: 50)) { for _ in 0...50 { try side.receive(Raw.window(1, 9)) } }
    }

    @Test func withoutTheTimeRatesAreNotKnown() throws {
        let side = Side(.server, limits: Self.limits { $0.pingsPerSecond = 1 })
        for _ in 0..<1000 { try side.receive(Raw.ping(1, Flag.syn)) }
    }
}
