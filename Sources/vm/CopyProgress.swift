import AgentProtocol
import FileCopy
import ProxyClient

/// What the user sees of a copy: its problems at once, and on a terminal, when it takes longer than a second, how far it is.
final class CopyProgress {
    private let isShown: Bool
    private let begin = ContinuousClock.now
    private var bytes: UInt64 = 0
    private var entries = 0
    private var size: UInt64?
    private var nextUpdate: ContinuousClock.Instant
    private var isOnScreen = false

    private static let patience = Duration.seconds(1)
    private static let interval = Duration.milliseconds(200)

    /// - Parameter isShown: whether progress may be shown, where standard error is a terminal.
    init(isShown: Bool) {
        self.isShown = isShown && Terminal.isTerminal
        nextUpdate = begin.advanced(by: Self.patience)
    }

    /// Follows a copy with this guest.
    func observer(guest: String) -> CopyObserver {
        CopyObserver(
            problem: { problem, isOurs in self.report(problem, guest: isOurs ? nil : guest) }, began: { self.began($0) },
            moved: { self.moved($0) })
    }

    /// Takes the progress off the screen.
    func end() {
        if isOnScreen { Terminal.write("\r\u{1B}[K") }
        isOnScreen = false
    }

    private func report(_ problem: CopyProblem, guest: String?) {
        end()
        let place = guest.map { "\($0):" } ?? ""
        let path = printable(problem.path.prefix(8192))
        Terminal.say("\(place)\(path): \(problem.severity == .warning ? "warning: " : "")\(printable(problem.text.utf8.prefix(1000)))")
    }

    private func began(_ entry: CopyEntry) {
        if entries == 0, case .file(let size, _) = entry.kind { self.size = size }
        entries += 1
        update()
    }

    private func moved(_ count: Int) {
        bytes += UInt64(count)
        update()
    }

    private func update() {
        guard isShown else { return }
        let now = ContinuousClock.now
        guard now >= nextUpdate else { return }
        nextUpdate = now.advanced(by: Self.interval)
        let (seconds, attoseconds) = begin.duration(to: now).components
        let rate = Double(bytes) / (Double(seconds) + Double(attoseconds) / 1e18)
        let share = size.map { $0 > 0 ? " (\(min(100, bytes * 100 / $0)) %)" : "" } ?? ""
        let count = entries > 1 ? ", \(entries) files" : ""
        Terminal.write("\r\(Self.text(Double(bytes)))\(share)\(count), \(Self.text(rate))/s\u{1B}[K")
        isOnScreen = true
    }

    /// `12.3 MiB`.
    static func text(_ bytes: Double) -> String {
        var value = bytes
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(Int(value)) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
