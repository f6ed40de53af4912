import Foundation

/// Messages in Swift's text.
enum Messages {
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

    /// What an error says of itself: the text of each case in `var description: String { switch self { … } }`, or of the whole body.
    static func descriptions(in text: String) -> [String] {
        var found: [String] = []
        for property in ["var description: String {", "var text: String {"] {
            var rest = text[...]
            while let place = rest.range(of: property) {
                rest = rest[place.upperBound...]
                let body = rest[..<end(ofInterpolation: rest, opening: "{", closing: "}")]
                guard body.contains("switch self {") else {
                    found += [argument(body + ")")].compactMap { $0 }
                    continue
                }
                found += body.components(separatedBy: "case ").dropFirst().compactMap {
                    argument($0.dropLast($0.hasSuffix("}") ? 1 : 0) + ")")
                }
            }
        }
        return found
    }

    /// What is given back: the literals behind each `return`.
    static func returned(in text: String) -> [String] {
        text.components(separatedBy: "return \"").dropFirst().compactMap { rest in
            let lines = rest.components(separatedBy: "\n")
            let more = lines.dropFirst().prefix { $0.drop { $0 == " " }.hasPrefix("+ ") }
            return argument(Substring("\"" + ([lines[0]] + more).joined(separator: " ") + ")"))
        }
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

    /// The place behind the bracket that closes what has been opened before `text`.
    private static func end(
        ofInterpolation text: Substring, opening: Character = "(", closing: Character = ")"
    ) -> Substring.Index {
        var depth = 0
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == "\"" {
                index = literal(text[text.index(after: index)...]).1
                continue
            }
            if text[index] == opening { depth += 1 }
            if text[index] == closing {
                if depth == 0 { return text.index(after: index) }
                depth -= 1
            }
            index = text.index(after: index)
        }
        return index
    }
}
