internal import CLinux

/// The system's error number of a failed call (`man 3 errno`).
public struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
    /// The number, as in `errno.h`.
    public var code: CInt

    /// Wraps `code`.
    public init(_ code: CInt) { self.code = code }

    /// The error of the system call that has just failed in this thread.
    public static var current: Errno { Errno(linux_errno()) }

    /// The system's words, as `strerror` has them, with the number: `No such file or directory (errno 2)`.
    public var description: String { "\(String(cString: strerror(code))) (errno \(code))" }
}

extension Errno {
    /// EINTR.
    public static var interrupted: Errno { Errno(EINTR) }
    /// EAGAIN: a non-blocking descriptor is not ready.
    public static var wouldBlock: Errno { Errno(EAGAIN) }
    /// ENOENT.
    public static var noSuchFile: Errno { Errno(ENOENT) }
    /// EEXIST.
    public static var exists: Errno { Errno(EEXIST) }
    /// EINVAL.
    public static var invalid: Errno { Errno(EINVAL) }
}
