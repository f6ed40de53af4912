import ArgumentParser
import ControlProtocol
import Foundation
import ProxyClient

/// `vm ps`.
struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "List the VMs of a directory.",
        discussion: "Without a running vm-proxy in the directory there are no VMs, and the list is empty.")

    @OptionGroup var directory: DirectoryOption

    @Flag(help: "Print everything that is known as JSON.")
    var json = false

    @Flag(help: "Print each VM's boot steps with their times.")
    var steps = false

    @Argument(help: "Only these VMs.")
    var names: [String] = []

    func run() throws {
        let guests = try Failure.wrapping { try wanted() }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(guests), as: UTF8.self))
            return
        }
        print(GuestTable.text(guests))
        for guest in guests where steps { print(GuestTable.steps(of: guest)) }
        for guest in guests { for warning in guest.warnings { print("\(guest.name): warning: \(warning)") } }
        for guest in guests where guest.state == .failed { print("\(guest.name): failed: \(guest.detail)") }
    }

    private func wanted() throws -> [GuestStatus] {
        let status: ProxyStatus
        do throws(ProxyClientError) {
            status = try directory.client.status()
        } catch {
            guard case .noProxy = error, names.isEmpty else { throw error }
            return []
        }
        guard !names.isEmpty else { return status.guests }
        return try names.map { name in
            guard let guest = status.guests.first(where: { $0.name == name }) else {
                throw ProxyClientError.noSuchGuest(name: name, directory: directory.path, known: status.guests.map(\.name))
            }
            return guest
        }
    }
}

/// Guests for people.
enum GuestTable {
    /// A line a guest, below a heading.
    static func text(_ guests: [GuestStatus]) -> String {
        let rows = [["NAME", "STATE", "LINKS", "SESSIONS", "PID", "SOCKET"]] + guests.map(row)
        let widths = (0..<rows[0].count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func row(_ guest: GuestStatus) -> [String] {
        [
            guest.name, guest.state.rawValue, "\(guest.links.count)", "\(guest.sessions)", guest.pid.map { "\($0)" } ?? "-",
            guest.socket,
        ]
    }

    /// A line a step: when it ended, how long it took, what it did.
    static func steps(of guest: GuestStatus) -> String {
        guest.steps.map { "\(guest.name)  \(StepLine.text($0))" }.joined(separator: "\n")
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
