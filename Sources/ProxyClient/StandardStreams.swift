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
}
