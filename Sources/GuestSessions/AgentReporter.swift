internal import AgentProtocol
internal import LinuxSystem

/// When to tell the proxy how the agent is: after something has happened, when that changed anything, and not too often. An
/// idle agent is not woken for it.
struct AgentReporter {
    /// The time between two reports: 2 s, in microseconds.
    static let interval: UInt64 = 2_000_000
    /// A change of memory that is worth a report, in KiB.
    private static let memoryStep: UInt32 = 64

    private var last: AgentReport?
    private var nextAt: UInt64 = 0
    /// The uptime at which what has happened since the last report is to be looked at; nil while nothing has.
    private(set) var nextDeadline: UInt64?

    /// Somebody listens who has had no report.
    mutating func forget() { (last, nextAt) = (nil, 0) }

    /// Something has happened; true when it is time for a report.
    mutating func isDue(now: UInt64) -> Bool {
        nextDeadline = now < nextAt ? nextAt : nil
        return nextDeadline == nil
    }

    /// The frame that tells of `report`; nil when it is no news.
    mutating func news(_ report: AgentReport) -> [UInt8]? {
        nextAt = report.uptime + AgentReporter.interval
        if let last, last.isLike(report, memoryStep: AgentReporter.memoryStep) { return nil }
        last = report
        return Frame(.agent, ArraySlice(report.encoded())).encoded()
    }

    /// How this process is.
    static func report(sessions: Int, connections: Int, links: Int) -> AgentReport {
        AgentReport(
            uptime: Uptime.microseconds, memory: residentMemory(), sessions: UInt32(sessions), connections: UInt32(connections),
            links: UInt32(links))
    }

    /// In KiB. `/proc/self/statm` is not exact: the kernel counts there in lumps (`man 5 proc`).
    private static func residentMemory() -> UInt32 {
        guard let text = try? Files.read("/proc/self/smaps_rollup", limit: 4096) else { return 0 }
        let name = Array("\nRss:".utf8)
        var place = 0
        while place + name.count < text.count, !text[place...].starts(with: name) { place += 1 }
        var memory: UInt32 = 0
        for byte in text[min(text.count, place + name.count)...].drop(while: { $0 == UInt8(ascii: " ") }) {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), memory < 100_000_000 else { break }
            memory = memory * 10 + UInt32(byte - UInt8(ascii: "0"))
        }
        return memory
    }
}

extension AgentReport {
    fileprivate func isLike(_ other: AgentReport, memoryStep: UInt32) -> Bool {
        let change = memory > other.memory ? memory - other.memory : other.memory - memory
        return (sessions, connections, links) == (other.sessions, other.connections, other.links) && change < memoryStep
    }
}
