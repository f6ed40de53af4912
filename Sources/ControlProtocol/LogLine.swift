internal import Foundation

/// A line of the answer to `LOGS`. See `docs/protocol.md`, "Logs".
public enum LogLine: Equatable, Sendable {
    /// `CONSOLE TEXT`: a line of the guest's console.
    case console(String)
    /// `STEP JSON`: a boot step began, went on, or ended.
    case step(StepStatus)
    /// `STATE JSON`: the guest's state changed.
    case state(StateChange)
    /// `LOST N`: the reader was so slow that N bytes of lines before this one are gone.
    case lost(Int)

    /// A change of a guest's state.
    public struct StateChange: Codable, Equatable, Sendable {
        /// The new state.
        public var state: GuestState
        /// Which step failed and why, or what runs.
        public var detail: String
        /// The guest's uptime.
        public var microseconds: UInt64

        /// Makes a change from its parts.
        public init(state: GuestState, detail: String, microseconds: UInt64) {
            self.state = state
            self.detail = detail
            self.microseconds = microseconds
        }
    }

    /// Reads a line, without its line feed; nil for one that this version does not know.
    public init?(line: String) {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count > 1 ? String(parts[1]) : ""
        let line: LogLine? =
            switch parts.first {
            case "CONSOLE": .console(rest)
            case "STEP": Self.decoded(rest).map { .step($0) }
            case "STATE": Self.decoded(rest).map { .state($0) }
            case "LOST": Int(rest).map { .lost($0) }
            default: nil
            }
        guard let line else { return nil }
        self = line
    }

    private static func decoded<Value: Decodable>(_ json: String) -> Value? {
        try? JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }

    /// The line, without its line feed.
    public var line: String {
        switch self {
        case .console(let text): GuestRequest.console(text).line
        case .step(let step): "STEP \(Self.encoded(step))"
        case .state(let change): "STATE \(Self.encoded(change))"
        case .lost(let count): "LOST \(count)"
        }
    }

    private static func encoded(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // These are plain structures of numbers and text, which always can be encoded.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
