/// Modules that another one would like to find loaded (`man 5 modprobe.d`, "softdep"). Only those before it matter
/// here: what comes `post:` is for a running system, and what comes without `pre:` modprobe passes over too.
enum SoftDependencies {
    /// The names behind `pre:` in `pre: a b post: c`.
    static func before(_ text: some StringProtocol) -> [String] {
        var isBefore = false
        var names: [String] = []
        for word in text.split(separator: " ") {
            switch word {
            case "pre:": isBefore = true
            case "post:": isBefore = false
            default: if isBefore { names.append(String(word)) }
            }
        }
        return names
    }

    /// Reads a `modules.softdep`: module -> names before it.
    static func parse(_ bytes: [UInt8]) -> [ModuleName: [String]] {
        var result: [ModuleName: [String]] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[0] == "softdep" else { continue }
            result[ModuleName(words[1]), default: []] += before(words[2])
        }
        return result
    }
}
