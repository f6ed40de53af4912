/// Why a file cannot be read as an ELF file. Whoever knows the file's name adds it.
public enum ELFError: Error, Equatable, Sendable {
    /// It does not begin as an ELF file.
    case notELF
    /// It is one for another kind of machine; the text says which.
    case unsupported(String)
    /// Something in it points outside of it; the text says what.
    case damaged(String)
}

extension ELFError: CustomStringConvertible {
    /// The cause.
    public var description: String {
        switch self {
        case .notELF: "it is not an ELF file"
        case .unsupported(let cause): cause
        case .damaged(let part): "it is damaged (\(part))"
        }
    }
}
