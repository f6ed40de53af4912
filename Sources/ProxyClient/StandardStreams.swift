import Glibc

/// The descriptors that an exec passes through. They stay the caller's, and their flags are not touched: other programs may
/// share them.
public struct StandardStreams: Sendable {
    /// Read until its end.
    public var input: CInt
    /// Receives the command's standard output.
    public var output: CInt
    /// Receives the command's standard error.
    public var error: CInt

    /// This process's own streams, unless told otherwise.
    public init(input: CInt = 0, output: CInt = 1, error: CInt = 2) {
        self.input = input
        self.output = output
        self.error = error
    }

    /// Opens `/dev/null` in place of standard streams that this process was started without: else the next file or pipe that it
    /// opens would be taken for one of them. Called before anything else is opened.
    public static func fillMissing() {
        for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free, which is this one.
            _ = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
        }
    }
}
