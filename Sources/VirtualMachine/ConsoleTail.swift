/// The last lines of a guest's console, fit to be shown on a terminal: a value that takes bytes and keeps little.
///
/// A guest may print anything: lines are cut at `maximumLineLength` bytes, escape sequences and control characters are
/// dropped, and only the last `capacity` lines are kept.
public struct ConsoleTail: Equatable, Sendable {
    /// The kept lines, oldest first.
    public private(set) var lines: [String] = []
    /// The first sign that the guest's kernel has failed.
    public private(set) var failure: ConsoleFailure?
    /// How many lines are kept.
    public let capacity: Int

    private var line: [UInt8] = []
    private var escape = EscapeState.none

    private enum EscapeState { case none, escape, controlSequence, string }

    /// The most bytes of a line that are kept.
    public static let maximumLineLength = 512

    /// Makes an empty tail that keeps `capacity` lines.
    public init(capacity: Int = 40) {
        self.capacity = max(1, capacity)
    }

    /// Takes bytes that the guest wrote; gives the lines that they complete.
    @discardableResult
    public mutating func append(_ bytes: some Sequence<UInt8>) -> [String] {
        var completed: [String] = []
        for byte in bytes {
            switch (escape, byte) {
            case (_, UInt8(ascii: "\n")):
                escape = .none
                if let text = endLine() { completed.append(text) }
            case (_, 0x1B): escape = .escape
            case (.escape, UInt8(ascii: "[")): escape = .controlSequence
            case (.escape, UInt8(ascii: "]")), (.escape, UInt8(ascii: "P")): escape = .string
            case (.escape, _): escape = .none
            case (.controlSequence, 0x40...0x7E): escape = .none
            case (.string, 0x07): escape = .none
            case (.controlSequence, _), (.string, _): break
            case (.none, UInt8(ascii: "\t")): keep(UInt8(ascii: " "))
            case (.none, 0..<0x20), (.none, 0x7F): break
            case (.none, _): keep(byte)
            }
        }
        return completed
    }

    /// Takes the end of the console; gives the last line if it had no end.
    @discardableResult
    public mutating func finish() -> String? {
        escape = .none
        return line.isEmpty ? nil : endLine()
    }

    private mutating func keep(_ byte: UInt8) {
        if line.count < ConsoleTail.maximumLineLength { line.append(byte) }
    }

    private mutating func endLine() -> String? {
        defer { line.removeAll(keepingCapacity: true) }
        // C1 controls arrive as the UTF-8 pairs C2 80 … C2 9F and would command a terminal as escape sequences do.
        let scalars = String(decoding: line, as: UTF8.self).unicodeScalars.filter { !(0x80...0x9F).contains($0.value) }
        let text = String(String.UnicodeScalarView(scalars))
        guard text.contains(where: { $0 != " " }) else { return nil }
        if failure == nil { failure = ConsoleFailure(line: text) }
        lines.append(text)
        if lines.count > capacity { lines.removeFirst() }
        return text
    }
}

/// What a line of the console says about the end of the guest.
public enum ConsoleFailure: Equatable, Sendable, CustomStringConvertible {
    /// The kernel panicked; the text is the kernel's reason.
    case panic(String)
    /// The guest ran out of memory.
    case outOfMemory(String)
    /// The kernel cannot be decompressed or started at all.
    case bootFailed(String)

    /// Recognises a line.
    init?(line: String) {
        if let reason = ConsoleFailure.text(after: "Kernel panic - not syncing: ", in: line) {
            self = .panic(reason)
        } else if ["Out of memory: Killed process", "Out of memory and no killable processes", "Initramfs unpacking failed: write error"]
            .contains(where: { ConsoleFailure.end(of: $0, in: line) != nil })
        {
            self = .outOfMemory(line)
        } else if ["-- System halted", "No bootable device"].contains(where: { ConsoleFailure.end(of: $0, in: line) != nil }) {
            self = .bootFailed(line)
        } else {
            return nil
        }
    }

    private static func text(after marker: String, in line: String) -> String? {
        end(of: marker, in: line).map { String(line[$0...]) }
    }

    /// The place after `marker`. Byte by byte: the library's search makes tables for each call, and a guest that floods its
    /// console would make the host pay for them, line by line.
    private static func end(of marker: String, in line: String) -> String.Index? {
        var rest = line.utf8[...]
        while let place = rest.firstIndex(where: { $0 == marker.utf8.first }) {
            rest = rest[place...]
            if rest.starts(with: marker.utf8) { return rest.index(place, offsetBy: marker.utf8.count) }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// What happened, for a person.
    public var description: String {
        switch self {
        case .panic(let reason): "the guest's kernel panicked: \(reason)"
        case .outOfMemory(let line): "the guest has too little memory (use a larger --memory): \(line)"
        case .bootFailed(let line): "the guest's kernel cannot start: \(line)"
        }
    }
}
