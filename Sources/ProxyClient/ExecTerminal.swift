import AgentProtocol
import Glibc

/// The user's terminal during an exec or attach: when it is raw, and which keys are this client's own.
struct ExecTerminal {
    private let terminal: RawTerminal
    private var escapes: EscapeParser
    private(set) var isRaw = false
    private let isRawWanted: Bool

    /// - Parameter raw: whether the session has a terminal of its own, whose line editor and signals are the ones that count.
    init(_ terminal: RawTerminal, raw: Bool, canDetach: Bool) {
        self.terminal = terminal
        isRawWanted = raw
        escapes = EscapeParser(canDetach: canDetach)
    }

    var size: TerminalSize { terminal.size }
    var help: [String] { escapes.help }

    mutating func parse(_ bytes: ArraySlice<UInt8>) -> [EscapeParser.Action] { escapes.parse(bytes) }

    /// At the beginning, and after every pause.
    mutating func enter() { if isRawWanted { isRaw = terminal.makeRaw() } }

    mutating func leave() {
        terminal.restore()
        isRaw = false
    }
}
