internal import AgentProtocol

/// All that was reported of this boot, for the proxies that ask: also for one that asks late, or again.
struct BootHistory {
    /// No boot has nearly as many reports; a step that reports without end pushes out the oldest.
    static let limit = 1024

    private var frames: [[UInt8]] = []
    private var dropped = 0
    /// The boot's present state.
    private(set) var state: BootState = .booting

    mutating func append(_ report: StepReport) { append(Frame(.step, ArraySlice(report.encoded()))) }

    mutating func append(_ report: BootReport) {
        state = report.state
        append(Frame(.boot, ArraySlice(report.encoded())))
    }

    private mutating func append(_ frame: Frame) {
        if frames.count == BootHistory.limit {
            frames.removeFirst(BootHistory.limit / 4)
            dropped += BootHistory.limit / 4
        }
        frames.append(frame.encoded())
    }

    /// The frame after the first `count` of all that were ever appended, and the count with it; nil when there is none yet.
    func frame(after count: Int) -> (frame: [UInt8], count: Int)? {
        let index = max(0, count - dropped)
        return index < frames.count ? (frames[index], dropped + index + 1) : nil
    }
}
