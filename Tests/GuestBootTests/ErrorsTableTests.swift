import Foundation
import Testing

/// `docs/errors.md` has every message that says what is wrong, in the guest and on the host, as the code has them, each with the test
/// that has seen it.
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

    /// What begins a message in the guest's code.
    private static let guest = (
        folders: ["GuestBoot", "GuestSessions"],
        beginnings: ["StepFailure(", ".warning(", "warnings.append(", "SessionStartFailure(", ".refused(", "refuse("]
    )
    /// On the host, where errors also describe themselves.
    private static let host = (
        folders: [
            "vm", "vm-proxy", "VirtualMachine", "HostShares", "InitrdBuilder", "VirtualNetwork", "ProxyClient", "Proxy", "ControlProtocol",
            "FileCopy",
        ],
        beginnings: [
            "Failure(", "ValidationError(", "Fault(text:", "ConnectFault(text:", "CopyFault(", "fail(", "refuse(", "refuseLink(",
            "logFault(",
            "warning(", "Terminal.say(",
        ]
    )
    /// Files with functions that give a message back.
    private static let reports = ["MachineReport.swift", "ShareDaemons.swift", "GuestConductor.swift"]

    private func messagesInCode() throws -> [String: String] {
        var messages: [String: String] = [:]
        func add(_ found: [String], _ place: String) {
            // On the host, what consists of others' words only is their message.
            for message in found where Self.guest.folders.contains(where: place.hasPrefix) || message.contains(where: \.isLetter) {
                messages[message] = place
            }
        }
        for (folders, beginnings) in [Self.guest, Self.host] {
            for folder in folders {
                for file in try swiftFiles(below: "Sources/\(folder)") {
                    let place = "\(folder)/\(file.name)"
                    for beginning in beginnings { add(Messages.all(after: beginning, in: file.text), place) }
                    guard folders == Self.host.folders else { continue }
                    if file.text.contains(": Error") || file.text.contains("ConsoleFailure") {
                        add(Messages.descriptions(in: file.text), place)
                    }
                    if Self.reports.contains(where: file.name.hasSuffix) { add(Messages.returned(in: file.text), place) }
                }
            }
        }
        return messages
    }

    @Test func theTableAndTheCodeHaveTheSameMessages() throws {
        let code = try messagesInCode()
        let table = Set(try rows().map(\.message))
        #expect(code.count > 200)
        for (message, file) in code.sorted(by: { $0.value < $1.value }) where !table.contains(message) {
            Issue.record("docs/errors.md lacks a row: | `\(message)` | … | `test` |  (\(file))")
        }
        for message in table.subtracting(code.keys) { Issue.record("docs/errors.md has a row for what no code says: \(message)") }
    }

    @Test func everyTestThatTheTableNamesExistsAndHasTheMessagesWords() throws {
        // The files that have a function, by its name.
        var files: [Substring: [String]] = [:]
        for (_, text) in try swiftFiles(below: "Tests") {
            for part in text.components(separatedBy: "func ").dropFirst() {
                files[Substring(part.prefix { $0 != "(" && $0 != "<" }), default: []].append(text)
            }
        }
        for row in try rows() {
            #expect(row.tests.isEmpty == (row.reason != nil), "no test: \(row.message)")
            for test in row.tests { #expect(files[test[...]] != nil, "there is no test \(test): \(row.message)") }
            let words = Self.words(of: row.message)
            let texts = row.tests.flatMap { files[$0[...]] ?? [] }
            #expect(
                texts.isEmpty || words.isEmpty || texts.contains { text in words.contains(where: text.contains) },
                "no words of the message are in the file of a test that has seen it: \(row.message)")
        }
    }

    /// Every run of sixteen characters in the message's literal parts: a test that tells the message from others has one of them. None where
    /// the parts are shorter.
    private static func words(of message: String) -> [String] {
        let length = 16
        return message.split(separator: "…").flatMap { part in
            let part = Array(part.drop { $0 == " " })
            return part.count < length ? [] : (0...part.count - length).map { String(part[$0..<$0 + length]) }
        }
    }

    @Test func literalsAreJoinedAndWhatIsBetweenThemIsLeftOpen() {
        let code = #"throw StepFailure("cannot \(verb(of: "x")) a" + name + " b" + (c ? "d" : "e"))"#
        #expect(Messages.all(after: "StepFailure(", in: code) == ["cannot … a… b…"])
        #expect(Messages.all(after: "refuse(", in: "refuse(reason) refuse(\"no\")") == ["no"])
    }
}
