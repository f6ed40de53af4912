/// Why a program's libraries could not be gathered.
public enum LibraryError: Error, Equatable, Sendable {
    /// No directory that the loader searches has the library.
    case missingLibrary(String, neededBy: String, searched: [String])
    /// The program's interpreter (`PT_INTERP`) is not on the host.
    case missingInterpreter(String, program: String)
    /// A library is there and cannot be read.
    case unreadable(FileError)
}

extension LibraryError: CustomStringConvertible {
    /// One sentence with the cause and the way out.
    public var description: String {
        switch self {
        case .missingLibrary(let name, let program, let searched):
            "\(program) needs the library \(name), which is in none of \(searched.joined(separator: ", ")); install the package that "
                + "has it or give a static program"
        case .missingInterpreter(let path, let program):
            "\(program) is started by \(path), which is not there; install the C library it was built for or give a static program"
        case .unreadable(let error): "\(error)"
        }
    }
}
