import Glibc

/// Why a file of the host could not be read or written.
public enum FileError: Error, Equatable, Sendable {
    /// What was tried.
    public enum Action: String, Sendable {
        /// Reading the file.
        case read
        /// Writing the file.
        case write
    }

    /// The system refused, with this `errno`.
    case failed(action: Action, path: String, code: Int32)
    /// It is a directory, a device or a pipe.
    case notAFile(path: String)
    /// It is larger than a file of an initrd may be.
    case tooLarge(path: String, size: Int)
    /// A directory for files that can be made again cannot be made.
    case noCache(path: String, code: Int32)
    /// A directory for files that are to be trusted belongs to someone else, or others may write to it.
    case notOwned(directory: String)
}

extension FileError: CustomStringConvertible {
    /// One sentence with the cause and, where the cause does not say it, the way out.
    public var description: String {
        switch self {
        case .failed(let action, let path, let code): "cannot \(action.rawValue) \(path): \(String(cString: strerror(code)))"
        case .notAFile(let path): "\(path) is not a regular file; give the path of one"
        case .tooLarge(let path, let size):
            "cannot read \(path): \(size) bytes are more than an initrd can hold; hand it to the guest on a disk or a share"
        case .noCache(let path, let code):
            "cannot keep files in \(path): \(String(cString: strerror(code))); set XDG_CACHE_HOME to a directory of your own"
        case .notOwned(let directory):
            "cannot keep files in \(directory): others may write there; remove it, or set XDG_CACHE_HOME to a directory of your own"
        }
    }
}
