/// Why an initrd could not be planned or made.
public enum InitrdError: Error, Equatable, Sendable {
    /// A file of the host could not be read or written.
    case file(FileError)
    /// The program is not one that this machine's guests can run.
    case notAProgram(path: String, cause: ELFError)
    /// The agent needs libraries, and is to run before there are any.
    case agentNotStatic(path: String, interpreter: String)
    /// A program that is needed was not found; `option` gives its path.
    case programNotFound(name: String, searched: [String], option: String, package: String?)
    /// A program's libraries could not be gathered.
    case libraries(LibraryError)
    /// The modules could not be gathered.
    case modules(ModuleError)
    /// Two different files are to be at one path in the guest.
    case conflict(destination: String, first: String, second: String)
    /// The files do not fit together or into the format.
    case archive(ArchiveError)
    /// The archive could not be packed.
    case compression(CompressionError)

    /// Runs `body` and gives its error the place that `wrap` makes for it.
    static func wrapping<Value, Failure: Error>(
        _ wrap: (Failure) -> InitrdError, _ body: () throws(Failure) -> Value
    ) throws(InitrdError) -> Value {
        do throws(Failure) { return try body() } catch { throw wrap(error) }
    }
}

extension InitrdError: CustomStringConvertible {
    /// One sentence with the cause and the way out.
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notAProgram(let path, let cause): "cannot put the program \(path) into the initrd: \(cause); give an executable for the guest"
        case .agentNotStatic(let path, let interpreter):
            "cannot use \(path) as /init: it is not static (it asks for \(interpreter)); build the guest's agent with 'make build' "
                + "and give dist/vm-agent"
        case .programNotFound(let name, let searched, let option, let package):
            "found no \(name) (looked for \(searched.joined(separator: ", "))); "
                + (package.map { "install the package \($0) or give its path with \(option)" } ?? "give its path with \(option)")
        case .libraries(let error): "\(error)"
        case .modules(let error): "\(error)"
        case .conflict(let destination, let first, let second):
            "\(first) and \(second) would both be \(destination) in the guest; give one of them another destination"
        case .archive(let error): "\(error)"
        case .compression(let error): "cannot compress the initrd: \(error)"
        }
    }
}
