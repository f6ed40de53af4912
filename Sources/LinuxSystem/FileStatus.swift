public import CLinux

/// What the system says of a file (`man 2 stat`).
public struct FileStatus: Sendable {
    /// What a file is.
    public enum Kind: Sendable {
        /// A regular file.
        case file
        /// A directory.
        case directory
        /// A symbolic link.
        case symbolicLink
        /// A FIFO, a socket or a device.
        case special(String)

        /// Whether it is a regular file.
        public var isFile: Bool { if case .file = self { true } else { false } }
        /// Whether it is a directory.
        public var isDirectory: Bool { if case .directory = self { true } else { false } }
        /// Whether it is a symbolic link.
        public var isLink: Bool { if case .symbolicLink = self { true } else { false } }
    }

    private let values: CLinux.stat

    init(_ values: CLinux.stat) { self.values = values }

    /// What it is.
    public var kind: Kind {
        switch values.st_mode & 0o170000 {
        case 0o100000: .file
        case 0o040000: .directory
        case 0o120000: .symbolicLink
        case 0o010000: .special("FIFO")
        case 0o140000: .special("socket")
        default: .special("device")
        }
    }
    /// Permission bits, set-user-ID, set-group-ID and sticky.
    public var mode: mode_t { values.st_mode & 0o7777 }
    /// User number.
    public var owner: uid_t { values.st_uid }
    /// Group number.
    public var group: gid_t { values.st_gid }
    /// In bytes.
    public var size: Int64 { Int64(values.st_size) }
    /// Whether it takes less room than its size: it may have holes.
    public var mayHaveHoles: Bool { Int64(values.st_blocks) < (size + 511) / 512 }
    /// How many names it has.
    public var names: UInt64 { UInt64(values.st_nlink) }
    /// When its content was last changed.
    public var changed: timespec { values.st_mtim }
    /// When its content, mode, owner or number of names was last changed.
    public var statusChanged: timespec { values.st_ctim }
    /// When its content was last read.
    public var used: timespec { values.st_atim }
    /// What tells it from every other file of this machine.
    public var identity: FileIdentity { FileIdentity(device: UInt64(values.st_dev), number: UInt64(values.st_ino)) }
}

/// What tells a file from every other of a machine while it exists.
public struct FileIdentity: Hashable, Sendable {
    /// The filesystem's device number.
    public var device: UInt64
    /// The inode's number in it.
    public var number: UInt64
}
