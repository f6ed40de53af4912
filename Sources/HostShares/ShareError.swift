/// Why a directory cannot be shared.
public enum ShareError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The directory does not exist.
    case noSuchDirectory(String)
    /// The path is something else than a directory.
    case notADirectory(String)
    /// The directory cannot be read by this user.
    case unreadable(String, reason: String)
    /// The path cannot stand in a configuration file, or is not absolute.
    case invalidPath(String, reason: String)
    /// The name cannot be a share's name.
    case invalidName(String)
    /// Two shares have one name.
    case duplicateName(String)
    /// The program that serves the shares is missing.
    case serverNotFound(program: String, package: String)
    /// A file that the service needs cannot be made.
    case cannotPrepare(path: String, reason: String)

    /// What is wrong and what helps, for a person.
    public var description: String {
        switch self {
        case .noSuchDirectory(let path): "no such share directory: \(path)"
        case .notADirectory(let path): "cannot share \(path): it is not a directory"
        case .unreadable(let path, let reason): "cannot share \(path): \(reason)"
        case .invalidPath(let path, let reason): "cannot share \(path.debugDescription): \(reason)"
        case .invalidName(let name):
            "\(name.debugDescription) cannot be a share's name: use at most 31 letters, digits, '.', '_' and '-', the first a letter or digit"
        case .duplicateName(let name): "two shares are called \(name): give each its own name"
        case .serverNotFound(let program, let package):
            "cannot share directories: \(program) is not installed; install the Debian package \(package) (apt-get install \(package))"
        case .cannotPrepare(let path, let reason): "cannot prepare the file server: \(path): \(reason)"
        }
    }
}
