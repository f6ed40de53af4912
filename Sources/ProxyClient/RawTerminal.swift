public import AgentProtocol
import CLinux
import Glibc
import LinuxSystem

/// The user's terminal, for a session that has one in the guest: raw while the session has it, and put back by `restore`, with
/// the last reference, by exit(3), and by a crash. One at a time in a process.
public final class RawTerminal: Sendable {
    let descriptor: CInt

    /// The terminal behind `descriptor`; nil when there is none.
    public init?(descriptor: CInt = 0) {
        guard isatty(descriptor) == 1 else { return nil }
        self.descriptor = descriptor
    }

    deinit { restore() }

    /// Its size; the default when it does not know.
    public var size: TerminalSize {
        var size = TerminalSize()
        _ = linux_terminal_size(descriptor, &size.rows, &size.columns)
        return size
    }

    /// What a command in a guest is to know of its terminal: the size of the user's, where there is one, and `TERM` here.
    public static func description(of terminal: RawTerminal?) -> Command.Terminal {
        let kind = getenv("TERM").map { UnsafeRawBufferPointer(start: $0, count: strlen($0)).map { $0 } }
        return Command.Terminal(size: terminal?.size ?? TerminalSize(), kind: kind ?? [])
    }

    /// Passes every key on as it is. False when this process is in the background, and so may not; or the terminal is gone.
    @discardableResult func makeRaw() -> Bool { linux_terminal_make_raw(descriptor) == 0 }

    /// Puts the terminal back as it was.
    func restore() { linux_terminal_restore() }
}
