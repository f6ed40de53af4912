internal import Yams

/// Why a network's file cannot be used.
public enum NetworkFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It cannot be read as a file of text.
    case unreadable(path: String, reason: String)
    /// It is neither JSON nor YAML.
    case syntax(path: String, NetworkFileFault)
    /// It describes no network: all faults that were found, in the file's order.
    case invalid(path: String, [NetworkFileFault])

    /// What is wrong, for a person: a line for each fault.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read the network \(path): \(reason)"
        case .syntax(let path, let fault): "\(path):\(fault)"
        case .invalid(let path, let faults): faults.map { "\(path):\($0)" }.joined(separator: "\n")
        }
    }
}

/// One fault, and where it stands.
public struct NetworkFileFault: Equatable, Sendable, CustomStringConvertible {
    /// The line, from 1.
    public var line: Int
    /// The column, from 1, in Unicode scalars.
    public var column: Int
    /// What is wrong there.
    public var text: String

    /// Makes a fault from its parts.
    public init(line: Int, column: Int, text: String) {
        self.line = line
        self.column = column
        self.text = text
    }

    /// `3:15: TEXT`.
    public var description: String { "\(line):\(column): \(text)" }
}

extension NetworkFileFault {
    init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let around = context.map { " \($0.text) (line \($0.mark.line), column \($0.mark.column))" } ?? ""
            self.init(line: mark.line, column: mark.column, text: "neither JSON nor YAML: \(problem)\(around)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                line: context.mark.line, column: context.mark.column,
                text: "the key \(duplicates.map { "'\($0)'" }.joined(separator: ", ")) is there twice")
        case .reader(let problem, let offset, _, let text):
            let before = text.prefix(offset ?? 0)
            let line = before.split(separator: "\n", omittingEmptySubsequences: false)
            self.init(line: max(1, line.count), column: (line.last?.unicodeScalars.count ?? 0) + 1, text: problem)
        default: self.init(line: 1, column: 1, text: "\(error)")
        }
    }
}
