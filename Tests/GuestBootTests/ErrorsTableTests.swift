import Foundation
import Testing

/// `docs/errors.md` has every message of the guest's side that says what is wrong, as the code has them, each with the test that
/// has seen it.
@Suite struct ErrorsTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized

    /// A row: the message, with `…` for what differs from case to case, and the tests.
    private struct Row {
        var message: String
        var tests: [String]
        /// Why no test can come across it; nil where one does.
        var reason: String?
    }

    private func rows() throws -> [Row] {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/errors.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
            guard line.hasPrefix("| `"), cells.count >= 5 else { return nil }
            let last = cells[cells.count - 2]
            let isUnseen = last.hasPrefix("not seen: ")
            let tests = isUnseen ? [] : last.split(separator: "`").map(String.init).filter { !$0.allSatisfy { " ,".contains($0) } }
            return Row(message: String(cells[1].dropFirst().dropLast()), tests: tests, reason: isUnseen ? last : nil)
        }
    }

    private func swiftFiles(below folder: String) throws -> [(name: String, text: String)] {
        let directory = Self.root.appendingPathComponent(folder).path
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory).filter { $0.hasSuffix(".swift") }.sorted()
        return try names.map { ($0, try String(contentsOfFile: "\(directory)/\($0)", encoding: .utf8)) }
    }

    /// What begins a message in the code.
    private static let beginnings = ["StepFailure(", ".warning(", "warnings.append(", "SessionStartFailure(", ".refused(", "refuse("]

    private func messagesInCode() throws -> [String: String] {
        var messages: [String: String] = [:]
        for folder in ["Sources/GuestBoot", "Sources/GuestSessions"] {
            for file in try swiftFiles(below: folder) {
                for beginning in Self.beginnings {
                    for message in Messages.all(after: beginning, in: file.text) { messages[message] = "\(folder)/\(file.name)" }
                }
            }
        }
        return messages
    }

    @Test func theTableAndTheCodeHaveTheSameMessages() throws {
        let code = try messagesInCode()
        let table = Set(try rows().map(\.message))
        #expect(code.count > 50)
        for (message, file) in code.sorted(by: { $0.value < $1.value }) where !table.contains(message) {
            Issue.record("docs/errors.md lacks a row: | `\(message)` | … | `test` |  (\(file))")
        }
        for message in table.subtracting(code.keys) { Issue.record("docs/errors.md has a row for what no code says: \(message)") }
    }

    @Test func everyTestThatTheTableNamesExists() throws {
        let tests = try swiftFiles(below: "Tests").map(\.text).joined()
        for row in try rows() {
            #expect(row.tests.isEmpty == (row.reason != nil), "no test: \(row.message)")
            for test in row.tests { #expect(tests.contains("func \(test)("), "there is no test \(test): \(row.message)") }
        }
    }

    @Test func literalsAreJoinedAndWhatIsBetweenThemIsLeftOpen() {
        let code = #"throw StepFailure("cannot \(verb(of: "x")) a" + name + " b" + (c ? "d" : "e"))"#
        #expect(Messages.all(after: "StepFailure(", in: code) == ["cannot … a… b…"])
        #expect(Messages.all(after: "refuse(", in: "refuse(reason) refuse(\"no\")") == ["no"])
    }
}

/// Messages in Swift's text.
private enum Messages {
    /// The argument of each call that begins with `beginning`: literals that are joined at the top, `…` for all else. Calls without a
    /// literal pass on what another one says.
    static func all(after beginning: String, in text: String) -> [String] {
        var found: [String] = []
        var rest = text[...]
        while let place = rest.range(of: beginning) {
            rest = rest[place.upperBound...]
            // `func refuse(`, `case refused(`, `isRefused(`.
            let before = text[..<place.lowerBound].suffix(6)
            if before.hasSuffix("func ") || before.hasSuffix("case ") || before.hasSuffix("case .") { continue }
            if let last = before.last, !beginning.hasPrefix("."), last.isLetter { continue }
            if let message = argument(rest) { found.append(message) }
        }
        return found
    }

    private static func argument(_ text: Substring) -> String? {
        var message = ""
        var depth = 0
        var hasLiteral = false
        var index = text.startIndex
        func open() { if !message.hasSuffix("…") { message += "…" } }
        while index < text.endIndex {
            let character = text[index]
            switch character {
            case "\"":
                let (literal, next) = self.literal(text[text.index(after: index)...])
                if depth == 0 {
                    message += message.hasSuffix("…") && literal.hasPrefix("…") ? String(literal.dropFirst()) : literal
                    hasLiteral = true
                } else {
                    open()
                }
                index = next
                continue
            case "(", "[", "{":
                depth += 1
                open()
            case ")", "]", "}":
                if depth == 0 { return hasLiteral ? message.trimmingCharacters(in: .whitespaces) : nil }
                depth -= 1
            case "," where depth == 0:
                // What comes before the message is none of it.
                if hasLiteral { return message }
                message = ""
            case ":" where depth == 0 && !hasLiteral:
                // A label.
                message = ""
            case _ where character.isLetter: open()
            default: break
            }
            index = text.index(after: index)
        }
        return nil
    }

    /// A literal's text from behind its first quote, and the place behind its last.
    private static func literal(_ text: Substring) -> (String, Substring.Index) {
        var literal = ""
        var index = text.startIndex
        while index < text.endIndex, text[index] != "\"" {
            if text[index] == "\\" {
                index = text.index(after: index)
                if text[index] == "(" {
                    if !literal.hasSuffix("…") { literal += "…" }
                    index = end(ofInterpolation: text[text.index(after: index)...])
                    continue
                }
                literal += text[index] == "n" ? " " : String(text[index])
            } else {
                literal.append(text[index])
            }
            index = text.index(after: index)
        }
        return (literal, index < text.endIndex ? text.index(after: index) : index)
    }

    private static func end(ofInterpolation text: Substring) -> Substring.Index {
        var depth = 0
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == "\"" {
                index = literal(text[text.index(after: index)...]).1
                continue
            }
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" {
                if depth == 0 { return text.index(after: index) }
                depth -= 1
            }
            index = text.index(after: index)
        }
        return index
    }
}
