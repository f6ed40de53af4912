/// Finds escapes in what a user types: `~` at the beginning of a line and one more character, as `ssh` has them. A value
/// without I/O.
struct EscapeParser {
    /// What is to be done, in order.
    enum Action: Equatable {
        /// These bytes are the session's.
        case send([UInt8])
        /// `~.`: leave; what runs only for this client ends.
        case leave
        /// `~d`: leave, and let the session go on.
        case detach
        /// `~` and Ctrl-Z: stop this client, as a job of its shell.
        case suspend
        /// `~?`: list the escapes.
        case help
    }

    private enum State {
        case insideLine, lineBegins, tilde
    }

    /// Whether there is something to detach from.
    let canDetach: Bool
    private var state = State.lineBegins

    init(canDetach: Bool) { self.canDetach = canDetach }

    /// Takes bytes that were typed. What follows an escape that leaves is dropped.
    mutating func parse(_ bytes: ArraySlice<UInt8>) -> [Action] {
        var actions: [Action] = []
        var plain: [UInt8] = []
        func flush() {
            if !plain.isEmpty { actions.append(.send(plain)) }
            plain = []
        }
        for byte in bytes {
            switch (state, byte) {
            case (.lineBegins, UInt8(ascii: "~")): state = .tilde
            case (.tilde, UInt8(ascii: ".")):
                flush()
                return actions + [.leave]
            case (.tilde, UInt8(ascii: "d")) where canDetach:
                flush()
                return actions + [.detach]
            case (.tilde, 0x1A), (.tilde, UInt8(ascii: "?")):
                flush()
                actions.append(byte == 0x1A ? .suspend : .help)
                state = .lineBegins
            case (.tilde, UInt8(ascii: "~")):
                plain.append(byte)
                state = .insideLine
            default:
                if state == .tilde { plain.append(UInt8(ascii: "~")) }
                plain.append(byte)
                state = byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? .lineBegins : .insideLine
            }
        }
        flush()
        return actions
    }

    /// A line for each escape.
    var help: [String] {
        [
            canDetach ? "~.   leave; the session goes on" : "~.   leave; what runs here ends", canDetach ? "~d   the same" : nil,
            "~^Z  suspend this client", "~~   send one ~", "~?   this list; each only at the beginning of a line",
        ].compactMap { $0 }
    }
}
