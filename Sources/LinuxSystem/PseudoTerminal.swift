public import CLinux

/// A pseudo-terminal (`man 7 pty`): two descriptors, which their owner closes.
public struct PseudoTerminal: Sendable {
    /// The end of who plays the terminal: reads what the program shows, writes what is typed.
    public var controllingEnd: FileDescriptor
    /// The program's end.
    public var programEnd: FileDescriptor

    /// The most bytes that the kernel holds between the two ends, generously.
    public static let mostBuffered = 128 << 10
    /// What a terminal's line editor takes as the end of input, when a line begins there.
    public static let endOfInput: UInt8 = 4

    /// Makes a terminal of this size. ENOENT or ENODEV where no devpts is mounted on `/dev/pts`.
    public static func open(rows: UInt16, columns: UInt16) throws(Errno) -> PseudoTerminal {
        var other: CInt = -1
        let controlling = linux_open_terminal(rows, columns, &other)
        guard controlling >= 0 else { throw .current }
        return PseudoTerminal(controllingEnd: FileDescriptor(rawValue: controlling), programEnd: FileDescriptor(rawValue: other))
    }

    /// Sets the size of the terminal behind either end; who runs in its foreground gets SIGWINCH.
    public static func setSize(of descriptor: FileDescriptor, rows: UInt16, columns: UInt16) {
        _ = linux_set_terminal_size(descriptor.rawValue, rows, columns)
    }

    /// The process group in the foreground of the terminal behind either end.
    public static func foregroundGroup(of descriptor: FileDescriptor) -> pid_t? {
        let group = linux_terminal_foreground(descriptor.rawValue)
        return group > 0 ? group : nil
    }
}
