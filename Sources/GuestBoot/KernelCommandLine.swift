/// The kernel command line, split as the kernel splits it (`lib/cmdline.c`, `next_arg`): words end at white space, which
/// double quotes keep together. Of the quotes, only those around a whole word or a whole value are not part of it.
///
/// Names that differ in `-` and `_` only are the same name, as for the kernel (`kernel/params.c`, `parameq`). One difference
/// is meant: the kernel also ends words at byte 0xA0, which would cut the UTF-8 letter `à` in two.
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
        var inQuotes = false
        for byte in text.utf8 {
            let isSpace = byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
            if byte == KernelCommandLine.quote { inQuotes.toggle() }
            if isSpace, !inQuotes {
                append(word)
                word.removeAll(keepingCapacity: true)
            } else {
                word.append(byte)
            }
        }
        append(word)
    }

    private static let quote = UInt8(ascii: "\"")

    /// Adds a word with all its quotes. A word without a name is none.
    private mutating func append(_ word: [UInt8]) {
        var rest = word[...]
        var isQuoted = rest.first == KernelCommandLine.quote
        if isQuoted { rest = rest.dropFirst() }
        var name = rest
        var value: ArraySlice<UInt8>?
        // An equals sign at the beginning belongs to the name.
        if let equals = rest.dropFirst().firstIndex(of: UInt8(ascii: "=")) {
            name = rest[..<equals]
            rest = rest[(equals + 1)...]
            if rest.first == KernelCommandLine.quote {
                isQuoted = true
                rest = rest.dropFirst()
            }
            value = isQuoted ? KernelCommandLine.withoutQuoteAtEnd(rest) : rest
        } else if isQuoted {
            name = KernelCommandLine.withoutQuoteAtEnd(name)
        }
        guard !name.isEmpty else { return }
        parameters.append(Parameter(name: String(decoding: name, as: UTF8.self), value: value.map { String(decoding: $0, as: UTF8.self) }))
    }

    private static func withoutQuoteAtEnd(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.last == quote ? bytes.dropLast() : bytes
    }

    /// The value of the last `name=…`; the last one counts, as for the kernel.
    public func value(_ name: String) -> String? { parameters.last { $0.value != nil && $0.isNamed(name) }?.value }

    /// The values of all `name=…`, in order.
    public func values(_ name: String) -> [String] { parameters.filter { $0.isNamed(name) }.compactMap { $0.value } }

    /// True for `name`, `name=1`, `name=yes`, `name=true`; false when absent or anything else; the last one counts.
    public func flag(_ name: String) -> Bool {
        guard let parameter = parameters.last(where: { $0.isNamed(name) }) else { return false }
        guard let value = parameter.value else { return true }
        return value == "1" || value == "yes" || value == "true"
    }
}

extension KernelCommandLine.Parameter {
    /// Whether this is the parameter `name`, `-` and `_` being the same.
    func isNamed(_ name: String) -> Bool {
        func plain(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte }
        let (ours, other) = (self.name.utf8, name.utf8)
        return ours.count == other.count && ours.elementsEqual(other) { plain($0) == plain($1) }
    }
}
