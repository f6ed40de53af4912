/// Splits a line into words and joins words to a line, by the POSIX shell's rules for quotes: what `$QEMU_OPTS` of 2010 and
/// QEMU's `guestfwd=…-cmd:` (GLib's `g_shell_parse_argv`) read. No expansion of any kind.
public enum ShellWords {
    /// A line that is not words.
    public enum SyntaxError: Error, Equatable, CustomStringConvertible {
        /// A quote is opened and never closed.
        case unclosedQuote(Character, line: String)
        /// The line ends with a backslash that quotes nothing.
        case trailingBackslash(line: String)

        /// What is wrong, for a person.
        public var description: String {
            switch self {
            case .unclosedQuote(let quote, let line): "the quote \(quote) is not closed in: \(line)"
            case .trailingBackslash(let line): "nothing follows the last backslash in: \(line)"
            }
        }
    }

    /// The words of `line`.
    public static func split(_ line: String) throws(SyntaxError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = line.makeIterator()
        while let character = characters.next() {
            switch (character, quote) {
            case ("'", "'"), ("\"", "\""):
                quote = nil
            case ("\\", "\""):
                guard let next = characters.next() else { throw .unclosedQuote("\"", line: line) }
                if !"$`\"\\\n".contains(next) { word = (word ?? "") + "\\" }
                if next != "\n" { word = (word ?? "") + String(next) }
            case (_, .some):
                word = (word ?? "") + String(character)
            case ("'", nil), ("\"", nil):
                quote = character
                word = word ?? ""
            case ("\\", nil):
                guard let next = characters.next() else { throw .trailingBackslash(line: line) }
                if next != "\n" { word = (word ?? "") + String(next) }
            case (" ", nil), ("\t", nil), ("\n", nil), ("\r\n", nil):
                if let word { words.append(word) }
                word = nil
            case (_, nil):
                word = (word ?? "") + String(character)
            }
        }
        if let quote { throw .unclosedQuote(quote, line: line) }
        if let word { words.append(word) }
        return words
    }

    /// `words` as one line that `split` takes apart again.
    public static func quoted(_ words: [String]) -> String {
        words.map(quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "_", "-", ":", "=", "+", "@", ",": true
            default: false
            }
        }
        if isPlain, !word.isEmpty { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
