public import AgentProtocol
public import LinuxSystem

/// How files are copied between this machine and a guest.
public struct CopyOptions: Sendable {
    /// Whether a directory may be copied, with all that is in it. Without it a symbolic link that is named as the source is
    /// followed, with it copied; below the source links are always copied.
    public var isRecursive = false
    /// Whether the destination must be a directory that is there.
    public var needsDirectory = false
    /// Whether directories on other filesystems than the source's are copied as empty ones.
    public var staysOnFileSystem = false
    /// Whether owner and group are kept, by number. What that means here is decided by `keepsSetIDHere`.
    public var keepsOwner = true
    /// Whether files that come to this machine keep set-user-ID and set-group-ID along with their owner. Only where the guest is
    /// trusted: a program with them can be run by every user of this machine.
    public var keepsSetIDHere = false

    /// The defaults.
    public init() {}
}

/// What is sent into a guest.
public enum CopySource: Sendable {
    /// A file, directory or link of this machine.
    case path([UInt8])
    /// What a descriptor gives until its end, as a file with these attributes.
    case stream(FileDescriptor, CopyEntry)
}

/// Where what comes from a guest is put.
public enum CopySink: Sendable {
    /// A place in this machine's files, as `cp` would understand it.
    case path([UInt8])
    /// The content of one file, to a descriptor.
    case stream(FileDescriptor)
}

/// How a copy ended: every entry was tried.
public struct CopyOutcome: Equatable, Sendable {
    /// What the receiver has put in place.
    public var result: CopyResult
    /// How many entries could not be copied as they should be, on either side.
    public var errors: Int

    /// Makes an outcome from its parts.
    public init(result: CopyResult, errors: Int) {
        self.result = result
        self.errors = errors
    }
}

/// The name that a copy of `path` keeps inside a directory: its last component. Nil when that is none that could be kept, as
/// in `/`, `.` and `..`.
public func copiedName(of path: [UInt8]) -> [UInt8]? {
    let slash = UInt8(ascii: "/")
    guard let end = path.lastIndex(where: { $0 != slash }) else { return nil }
    let start = path[...end].lastIndex(of: slash).map { $0 + 1 } ?? path.startIndex
    return CopyEntry.isName(path[start...end]) ? Array(path[start...end]) : nil
}
