public import LinuxSystem

/// Why a directory or socket file cannot be used. The text names it, the cause and the way out.
public enum SocketFileError: Error, Equatable, Sendable {
    /// The directory is missing, or no directory, or may not be written.
    case directory(String, Errno)
    /// Another proxy has it.
    case proxyRunning(directory: String)
    /// The path does not fit a socket address.
    case pathTooLong(String, length: Int, limit: Int)
    /// Somebody listens there.
    case inUse(String)
    /// Something else than a socket is there.
    case notASocket(String)
    /// There are as many guests as there may be.
    case tooManyGuests(Int)
    /// The system refused.
    case failed(path: String, call: String, Errno)

    /// One sentence.
    public var text: String {
        switch self {
        case .directory(let path, let errno): "cannot use the directory \(path): \(errno); make it, or name another with --directory"
        case .proxyRunning(let directory):
            "a vm-proxy is already running in \(directory); use that one, or name another directory with --directory"
        case .pathTooLong(let path, let length, let limit):
            "the socket path \(path) has \(length) bytes, and a socket's may have \(limit); use a directory with a shorter path"
        case .inUse(let path): "\(path) is in use by another program, which listens on it; stop that, or choose another name"
        case .notASocket(let path): "\(path) exists and is not a socket; it is left alone: move it, or choose another name"
        case .tooManyGuests(let count): "there are \(count) guests, which is the most there may be in a directory"
        case .failed(let path, let call, let errno): "\(call) \(path): \(errno)"
        }
    }
}
