import AgentProtocol
import ArgumentParser
import Foundation
import ProxyClient

/// `vm sessions`.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List the sessions of a VM.",
        discussion: """
            All that run are listed: raw shells, commands that somebody waits for, and detached ones; and the detached ones \
            that have ended and whose end nobody has seen with vm attach, the last 64 at most.
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(help: "Print everything that is known as JSON.")
    var json = false

    @Argument(help: "The VM's name.")
    var name: String

    func run() throws {
        let reports = try Failure.wrapping { try directory.client.sessions(of: name) }
        guard json else { return print(SessionList.text(reports)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(reports.map(SessionList.Entry.init)), as: UTF8.self))
    }
}

/// Sessions for people and programs.
enum SessionList {
    /// One session as JSON.
    struct Entry: Encodable {
        var session: UInt64
        var kind: String
        var state: String
        var command: [String]
        var user: String
        var pid: UInt32
        var terminal: Bool
        var clients: UInt16
        var ageSeconds: Double
        /// As a shell shows it; nil while it runs.
        var exitCode: Int32?
        /// The signal that killed it.
        var signal: UInt8?

        init(_ report: SessionReport) {
            session = report.session
            kind = "\(report.kind)"
            state = report.end == nil ? "running" : report.end == .timedOut ? "timed-out" : "ended"
            command = report.command.map { String(decoding: $0, as: UTF8.self) }
            user = String(decoding: report.user, as: UTF8.self)
            pid = report.process
            terminal = report.isTerminal
            clients = report.clients
            ageSeconds = Double(report.age / 1000) / 1000
            exitCode = report.end?.shellCode
            if case .signaled(let number) = report.end { signal = number }
        }
    }

    /// A line a session, below a heading.
    static func text(_ reports: [SessionReport]) -> String {
        let rows = [["ID", "KIND", "STATE", "AGE", "PID", "TTY", "CLIENTS", "USER", "COMMAND"]] + reports.map(row)
        let widths = (0..<rows[0].count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func row(_ report: SessionReport) -> [String] {
        [
            "\(report.session)", "\(report.kind)", state(report.end), age(report.age), "\(report.process)",
            report.isTerminal ? "yes" : "no", "\(report.clients)", printable(report.user),
            report.command.map(printable).joined(separator: " "),
        ]
    }

    private static func state(_ end: ExitStatus?) -> String {
        switch end {
        case nil: "running"
        case .exited(let code), .notStarted(let code, _): "exit \(code)"
        case .signaled(let signal): "signal \(signal)"
        case .timedOut: "timed out"
        }
    }

    /// `12s`, `3m`, `5h`, `2d`: of two units the greater.
    static func age(_ microseconds: UInt64) -> String {
        let seconds = microseconds / 1_000_000
        switch seconds {
        case ..<100: return "\(seconds)s"
        case ..<6_000: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3_600)h"
        default: return "\(seconds / 86_400)d"
        }
    }

    /// A guest's bytes, safe for a terminal.
    private static func printable(_ bytes: [UInt8]) -> String {
        String(
            String.UnicodeScalarView(
                String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
                    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : scalar
                }))
    }
}
