import AgentProtocol
import Testing

@testable import GuestSessions

@Suite struct AgentReporterTests {
    static let report = AgentReport(uptime: 1_000, memory: 1_300, sessions: 1, connections: 2, links: 1)

    /// The frame that a report becomes, when it is one.
    static func news(_ reporter: inout AgentReporter, _ report: AgentReport) -> [UInt8]? { reporter.news(report) }
    static func isDue(_ reporter: inout AgentReporter, now: UInt64) -> Bool { reporter.isDue(now: now) }

    @Test func theFirstReportIsNewsAndTheSameAgainIsNone() {
        var reporter = AgentReporter()
        #expect(Self.isDue(&reporter, now: 1_000))
        #expect(Self.news(&reporter, Self.report) == Frame(.agent, Self.report.encoded()[...]).encoded())
        var later = Self.report
        later.uptime += AgentReporter.interval
        later.memory += 63
        #expect(Self.news(&reporter, later) == nil)
    }

    @Test func aChangeWaitsForTheNextTimeAndAnIdleAgentIsNotWoken() {
        var reporter = AgentReporter()
        _ = reporter.news(Self.report)
        #expect(reporter.nextDeadline == nil)
        #expect(!Self.isDue(&reporter, now: 2_000))
        #expect(reporter.nextDeadline == 1_000 + AgentReporter.interval)
        #expect(Self.isDue(&reporter, now: 1_000 + AgentReporter.interval))
        var changed = Self.report
        changed.uptime = 1_000 + AgentReporter.interval
        changed.sessions = 2
        #expect(Self.news(&reporter, changed) != nil)
        #expect(reporter.nextDeadline == nil)
    }

    @Test func whoeverListensAnewIsToldAtOnce() {
        var reporter = AgentReporter()
        _ = reporter.news(Self.report)
        reporter.forget()
        #expect(Self.isDue(&reporter, now: 1_001))
        #expect(Self.news(&reporter, Self.report) != nil)
    }

    @Test func theReportHasThisProcessesMemory() {
        let report = AgentReporter.report(sessions: 0, connections: 0, links: 0)
        #expect(report.memory > 1_000 && report.memory < 64 << 20)
    }
}
