import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import NIOCore
import Proxy
import Testing
import Yamux

/// `docs/security.md` promises limits; these are those of the code.
struct LimitsTableTests {
    /// The table's rows: the names of limits, and the values that are promised.
    private func rows() throws -> [String: String] {
        let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/security.md")
        var rows: [String: String] = [:]
        for line in try String(contentsOf: document, encoding: .utf8).split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, cells[2].hasPrefix("`") else { continue }
            rows[cells[2].replacingOccurrences(of: "`", with: "")] = cells[1]
        }
        return rows
    }

    /// Every stored limit of a type.
    private func limits(_ name: String, _ value: Any) -> [String: String] {
        var limits: [String: String] = [:]
        for child in Mirror(reflecting: value).children {
            if let label = child.label {
                limits["\(name).\(label)"] = (child.value as? TimeAmount).map { "\($0.nanoseconds)" } ?? "\(child.value)"
            }
        }
        return limits
    }

    @Test func theTableHasEveryLimitAndItsValue() throws {
        let expected = limits("ProxyLimits", ProxyLimits()).merging(limits("YamuxLimits", YamuxLimits())) { $1 }
            .merging([
                "Frame.maximumPayloadLength": "\(Frame.maximumPayloadLength)",
                "Hello.maximumFieldsLength": "\(Hello.maximumFieldsLength)",
                "ControlSocket.maximumLineLength": "\(ControlSocket.maximumLineLength)",
            ]) { $1 }
        let rows = try rows()
        for (name, value) in expected.sorted(by: { $0.key < $1.key }) {
            #expect(rows[name].map(number) == number(value), "\(name)")
        }
    }

    /// A value in its smallest unit: `256 KiB` as 262144, `10 s` as 10000000000.
    private func number(_ text: String) -> String {
        let parts = text.replacingOccurrences(of: ",", with: "").split(separator: " ")
        guard let count = parts.first.flatMap({ Int($0) }) else { return text }
        let units = ["KiB": 1 << 10, "MiB": 1 << 20, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000]
        return "\(count * (parts.count > 1 ? units[String(parts[1])] ?? 1 : 1))"
    }
}
