/// The kernel command line, split as the kernel splits it (`lib/cmdline.c`, `next_arg`): words end at white space,
/// double quotes keep white space together, in `name="a b"` and in `"name=a b"`.
public struct KernelCommandLine: Equatable, Sendable {
    /// One word: its name, and what follows the first `=`; nil when there is none.
    public struct Parameter: Equatable, Sendable {
        /// The part before `=`.
        public var name: String
        /// The part after it.
        public var value: String?
    }

    /// All words, in order.
    public private(set) var parameters: [Parameter] = []

    /// Splits `text`.
    public init(_ text: String) {
        var word: [UInt8] = []
        var equals: Int?
        var inQuotes = false
        var started = false

        func ended() -> Parameter? {
            guard started, !word.isEmpty else { return nil }
            guard let equals else { return Parameter(name: String(decoding: word, as: UTF8.self), value: nil) }
            return Parameter(
                name: String(decoding: word[..<equals], as: UTF8.self), value: String(decoding: word[equals...], as: UTF8.self))
        }
        for byte in text.utf8 {
            let isSpace = byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
            if byte == UInt8(ascii: "\"") {
                inQuotes.toggle()
                started = true
            } else if isSpace, !inQuotes {
                if let parameter = ended() { parameters.append(parameter) }
                (word, equals, started) = ([], nil, false)
            } else if byte == UInt8(ascii: "="), equals == nil, !word.isEmpty {
                equals = word.count
            } else {
                word.append(byte)
                started = true
            }
        }
        if let parameter = ended() { parameters.append(parameter) }
    }

    /// The value of the last `name=…`; the last one counts, as for the kernel.
    public func value(_ name: String) -> String? { parameters.last { $0.name == name && $0.value != nil }?.value }

    /// The values of all `name=…`, in order.
    public func values(_ name: String) -> [String] { parameters.filter { $0.name == name }.compactMap { $0.value } }

    /// True for `name`, `name=1`, `name=yes`, `name=true`; false when absent or anything else; the last one counts.
    public func flag(_ name: String) -> Bool {
        guard let parameter = parameters.last(where: { $0.name == name }) else { return false }
        guard let value = parameter.value else { return true }
        return value == "1" || value == "yes" || value == "true"
    }
}
