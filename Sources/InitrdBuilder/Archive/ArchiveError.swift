/// Why something cannot be put into an archive. Paths are those in the guest.
public enum ArchiveError: Error, Equatable, Sendable {
    /// The path is empty, has `..` or a zero byte, or is cpio's end mark.
    case invalidPath(String)
    /// The path is longer than Linux unpacks.
    case nameTooLong(path: String, length: Int)
    /// The link's target is empty, too long or has a zero byte.
    case invalidTarget(path: String, target: String)
    /// Something else is at the path already.
    case occupied(path: String)
    /// `path` must be a directory to hold `needed`, and is a file or a symbolic link.
    case notADirectory(path: String, needed: String)
}

extension ArchiveError: CustomStringConvertible {
    /// One sentence with the cause and the way out.
    public var description: String {
        switch self {
        case .invalidPath(let path):
            "cannot put '\(path)' into the initrd: not a path in a file tree; give an absolute path without '..'"
        case .nameTooLong(let path, let length):
            "cannot put '\(path.prefix(40))…' into the initrd: its name has \(length) bytes and Linux unpacks at most "
                + "\(Archive.maximumPathLength - 1); choose a shorter one"
        case .invalidTarget(let path, let target):
            "cannot put the symbolic link \(path) into the initrd: '\(target.prefix(40))' cannot be a target; it must have 1 to "
                + "\(Archive.maximumPathLength - 1) bytes, none of them zero"
        case .occupied(let path):
            "cannot put \(path) into the initrd twice: the two differ; leave one out or give it another destination"
        case .notADirectory(let path, let needed):
            "cannot put \(needed) into the initrd: \(path) is not a directory there; choose another destination"
        }
    }
}
