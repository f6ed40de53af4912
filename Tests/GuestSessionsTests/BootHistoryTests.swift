import AgentProtocol
import Testing

@testable import GuestSessions

@Suite struct BootHistoryTests {
    private func step(_ number: Int) -> StepReport {
        StepReport(index: UInt16(truncatingIfNeeded: number), outcome: .succeeded, uptime: UInt64(number), name: "step")
    }

    private func decode(_ bytes: [UInt8]) throws -> Frame? {
        var decoder = FrameDecoder()
        decoder.append(bytes)
        return try decoder.next()
    }

    /// All that a follower that has seen `seen` reports is still to get.
    private func all(_ history: BootHistory, after seen: Int = 0) throws -> (uptimes: [UInt64], count: Int) {
        var seen = seen
        var uptimes: [UInt64] = []
        while let next = history.frame(after: seen) {
            let frame = try #require(try decode(next.frame))
            uptimes.append(
                frame.type == .step ? try StepReport(decoding: frame.payload).uptime : try BootReport(decoding: frame.payload).uptime)
            #expect(next.count > seen)
            seen = next.count
        }
        return (uptimes, seen)
    }

    @Test func anEmptyHistoryHasNothingToTell() {
        #expect(BootHistory().frame(after: 0) == nil)
        #expect(BootHistory().state == .booting)
    }

    @Test func aFollowerGetsEveryReportOnceAndInOrderWheneverItComes() throws {
        var history = BootHistory()
        for number in 0..<10 { history.append(step(number)) }
        history.append(BootReport(state: .failed, uptime: 10, detail: "why"))
        let late = try all(history)
        #expect(late.uptimes == Array(0...10))
        #expect(late.count == 11)
        history.append(step(11))
        #expect(try all(history, after: late.count).uptimes == [11])
        #expect(try all(history, after: 12).uptimes == [])
        #expect(try all(history, after: 1_000_000).uptimes == [])
    }

    @Test func theStateIsTheLastOneReported() {
        var history = BootHistory()
        history.append(BootReport(state: .failed, uptime: 1))
        history.append(step(2))
        #expect(history.state == .failed)
        history.append(BootReport(state: .poweringOff, uptime: 3))
        #expect(history.state == .poweringOff)
    }

    @Test func aFrameIsAsTheProtocolHasIt() throws {
        var history = BootHistory()
        history.append(step(3))
        history.append(BootReport(state: .ready, uptime: 4, detail: "d"))
        #expect(try decode(try #require(history.frame(after: 0)).frame) == Frame(.step, step(3).encoded()[...]))
        #expect(
            try decode(try #require(history.frame(after: 1)).frame)
                == Frame(.boot, BootReport(state: .ready, uptime: 4, detail: "d").encoded()[...]))
    }

    @Test func aStepThatReportsWithoutEndPushesOutTheOldestOnly() throws {
        var history = BootHistory()
        let total = 10 * BootHistory.limit + 7
        for number in 0..<total { history.append(step(number)) }
        let (uptimes, count) = try all(history)
        #expect(count == total)
        #expect(uptimes.count <= BootHistory.limit)
        #expect(uptimes.count > BootHistory.limit / 2)
        #expect(uptimes == Array(UInt64(total - uptimes.count)..<UInt64(total)))
        // One that has seen most of them gets the rest, and none twice.
        #expect(try all(history, after: total - 3).uptimes == [total - 3, total - 2, total - 1].map { UInt64($0) })
    }
}
