import ControlProtocol
import Foundation

/// Guests for people.
enum GuestTable {
    /// A line a guest, below a heading.
    static func text(_ guests: [GuestStatus]) -> String {
        let rows = [["NAME", "STATE", "UP", "LINKS", "SESSIONS", "FORWARDS", "AGENT", "PID", "SOCKET"]] + guests.map(row)
        let widths = (0..<rows[0].count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func row(_ guest: GuestStatus) -> [String] {
        [
            guest.name, guest.state.rawValue, guest.agent.map { uptime($0.uptimeMicroseconds / 1_000_000) } ?? "-", "\(guest.links.count)",
            "\(guest.sessions)", "\(guest.connections)", guest.agent.map { memory($0.memoryBytes) } ?? "-",
            guest.pid.map { "\($0)" } ?? "-",
            guest.socket,
        ]
    }

    /// `45s`, `12m05s`, `3h20m`, `9d04h`: four or five significant places.
    static func uptime(_ seconds: UInt64) -> String {
        func pair(_ large: UInt64, _ first: String, _ small: UInt64, _ second: String) -> String {
            "\(large)\(first)\(small < 10 ? "0" : "")\(small)\(second)"
        }
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return pair(seconds / 60, "m", seconds % 60, "s")
        case ..<86_400: return pair(seconds / 3_600, "h", seconds / 60 % 60, "m")
        default: return pair(seconds / 86_400, "d", seconds / 3_600 % 24, "h")
        }
    }

    /// `1.3M`.
    static func memory(_ bytes: UInt64) -> String { String(format: "%.1fM", Double(bytes) / 1_048_576) }

    /// `link 2  virtio-serial  healthy  0.35 ms  1 stream  vm-agent 0.1.0`.
    static func text(_ link: LinkStatus) -> String {
        let time = link.roundTripMicroseconds.map { String(format: "%.2f ms", Double($0) / 1_000) } ?? "no answer yet"
        let streams = "\(link.streams) stream\(link.streams == 1 ? "" : "s")"
        return ["link \(link.id)", link.transport, link.isHealthy ? "healthy" : "in doubt", time, streams, link.software]
            .filter { !$0.isEmpty }.joined(separator: "  ")
    }
}

/// One boot step for people.
enum StepLine {
    static func text(_ step: StepStatus) -> String {
        let end = step.endMicroseconds ?? step.startMicroseconds
        let duration = end >= step.startMicroseconds ? end - step.startMicroseconds : 0
        let mark =
            switch step.state {
            case .started: "…"
            case .succeeded: ""
            case .warned: "warning: "
            case .failed: "failed: "
            }
        let name = step.name.padding(toLength: max(20, step.name.count), withPad: " ", startingAt: 0)
        return "\(seconds(end)) s  \(seconds(duration)) s  \(name)  \(mark)\(step.detail)"
    }

    /// `12.34`, six characters wide.
    static func seconds(_ microseconds: UInt64) -> String {
        let text = String(format: "%.2f", Double(microseconds) / 1_000_000)
        return String(repeating: " ", count: max(0, 6 - text.count)) + text
    }
}
