import ControlProtocol
import Foundation
import LinuxSystem

/// Shows how far the VMs of a network are: on a terminal a table that is drawn again and again in its place, elsewhere a line
/// for each change.
struct StateTable {
    private let isLive: Bool
    private let nameWidth: Int
    private var drawnLines = 0
    private var shown: [String: String] = [:]

    init(names: [String], isLive: Bool) {
        self.isLive = isLive
        nameWidth = names.map(\.count).max() ?? 0
    }

    /// Shows the present states.
    mutating func show(_ members: [NetworkMember]) {
        guard isLive else {
            for member in members {
                let state = Self.state(of: member)
                guard shown.updateValue(state, forKey: member.name) != state, state != "starting" else { continue }
                Terminal.write("\(padded(member.name))  \(state)\(Self.detail(of: member).map { "  \($0)" } ?? "")\n")
            }
            return
        }
        var text = ""
        for member in members {
            let state = Self.state(of: member)
            let colour = Terminal.hasColours ? Self.colour(of: state) : nil
            let column = state.padding(toLength: 9, withPad: " ", startingAt: 0)
            let detail = (Self.detail(of: member) ?? "").prefix(max(10, 76 - nameWidth - 11))
            text += "\r\u{1B}[K\(padded(member.name))  \(colour.map { "\u{1B}[\($0)m\(column)\u{1B}[0m" } ?? column)  \(detail)\n"
        }
        let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        Terminal.write(up + text)
        drawnLines = members.count
    }

    /// Removes the table, so that other text may follow; the next `show` draws it again.
    mutating func wipe() {
        guard isLive, drawnLines > 0 else { return }
        Terminal.write("\u{1B}[\(drawnLines)A\u{1B}[J")
        drawnLines = 0
    }

    /// Leaves the table as it stands.
    mutating func leave() { drawnLines = 0 }

    private func padded(_ name: String) -> String { name.padding(toLength: nameWidth, withPad: " ", startingAt: 0) }

    /// One word.
    static func state(of member: NetworkMember) -> String {
        if member.end != nil { return "ended" }
        return member.status?.state.rawValue ?? "starting"
    }

    private static func detail(of member: NetworkMember) -> String? {
        if let end = member.end { return describe(end) }
        guard let status = member.status else { return nil }
        switch status.state {
        case .waiting: return "its kernel boots"
        case .booting: return status.steps.last.map { $0.detail.isEmpty ? $0.name : "\($0.name): \($0.detail)" }
        case .ready:
            let end = status.steps.compactMap(\.endMicroseconds).max()
            return end.map { "after \(StepLine.seconds($0).trimmingCharacters(in: .whitespaces)) s" }
        case .failed: return status.detail
        case .poweringOff: return nil
        }
    }

    static func describe(_ end: ProcessEnd) -> String {
        switch end {
        case .exited(0): "powered off"
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal): "killed by signal \(signal)"
        }
    }

    private static func colour(of state: String) -> Int? {
        switch state {
        case "ready": 32
        case "failed": 31
        case "ended": 33
        default: nil
        }
    }
}
