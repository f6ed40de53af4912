import InitrdBuilder

/// What `vm initrd build` says about an initrd.
enum InitrdCommandReport {
    /// One line an entry: its path in the guest and where it comes from.
    static func text(listing plan: InitrdPlan) -> String {
        plan.sortedEntries.map { entry in
            entry.source.path.map { "\(entry.destination)  <- \($0)" } ?? "\(entry.destination)\(mark(entry.source))"
        }.joined(separator: "\n")
    }

    /// The same as an object: `entries` (`path`, `source`), `modules` in load order, `notes`.
    static func json(listing plan: InitrdPlan, output: String? = nil, bytes: Int? = nil) -> String {
        let entries = plan.sortedEntries.map { entry in
            "{\"path\": \(quoted(entry.destination)), \"source\": \(entry.source.path.map(quoted) ?? "null")}"
        }
        var members = [
            "\"entries\": [\(entries.joined(separator: ", "))]",
            "\"modules\": [\(plan.modules.map { quoted($0.moduleName) }.joined(separator: ", "))]",
            "\"notes\": [\(plan.notes.map(quoted).joined(separator: ", "))]",
        ]
        if let output { members.append("\"output\": \(quoted(output))") }
        if let bytes { members.append("\"bytes\": \(bytes)") }
        return "{\(members.joined(separator: ", "))}"
    }

    private static func mark(_ source: InitrdPlan.Source) -> String {
        switch source {
        case .directory: "/"
        case .symlink(let target): " -> \(target)"
        case .bytes, .file, .program, .module, .unsignedModule, .moduleSignature: ""
        }
    }

    /// A JSON string (RFC 8259, section 7).
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
