import Testing

@testable import GuestSessions

@Suite struct SessionTableTests {
    @Test func numbersAreNeverUsedAgain() {
        var table = SessionTable<String>()
        let first = table.makeID()
        table.add("a", as: first)
        table.remove(first)
        #expect(table.makeID() > first)
        #expect(table[first] == nil)
    }

    @Test func theNewestEndedOnesAreRememberedAndRunningOnesAlways() {
        var table = SessionTable<Int>()
        let ids = (0..<100).map { index in
            let id = table.makeID()
            table.add(index, as: id)
            return id
        }
        var forgotten: [Int] = []
        for id in ids.dropFirst(10) { if let entry = table.noteEnd(of: id) { forgotten.append(entry) } }
        #expect(forgotten == Array(10..<36))
        #expect(table.runningCount == 10)
        #expect(table.entries.map(\.entry) == Array(0..<10) + Array(36..<100))
        #expect(table.noteEnd(of: ids[99]) == nil, "an end is noted once")
        table.remove(ids[50])
        #expect(table.noteEnd(of: ids[0]) == nil, "what is removed leaves its place to another")
    }
}

@Suite struct SessionEndingTests {
    @Test func aGroupHasTwoSecondsAndIsThenKilledOnce() {
        var ending = SessionEnding(now: 1_000)
        #expect(ending.nextDeadline == 2_001_000)
        #expect(ending.act(now: 2_000_999) == .nothing)
        #expect(ending.act(now: 2_001_000) == .kill)
        #expect(ending.nextDeadline == nil)
        #expect(ending.act(now: 9_000_000) == .nothing)
    }

    @Test func othersWithoutTheirLeaderAreLookedForUntilThen() {
        var ending = SessionEnding(now: 0)
        ending.othersRun(now: 100_000)
        #expect(ending.nextDeadline == 150_000)
        #expect(ending.act(now: 150_000) == .lookForOthers)
        ending.othersRun(now: 1_990_000)
        #expect(ending.nextDeadline == 2_000_000)
        #expect(ending.act(now: 2_000_000) == .kill)
    }
}
