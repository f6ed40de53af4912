internal import CLinux

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable {
    /// With this exit code.
    case exited(UInt8)
    /// By this signal.
    case signaled(UInt8)
}

/// A program to start: bytes, not text, because file names and arguments are bytes.
public struct Program: Sendable {
    /// The executable's path.
    public var path: String
    /// Its arguments; the first is its own name.
    public var arguments: [[UInt8]]
    /// Its whole environment, `NAME=VALUE`.
    public var environment: [[UInt8]]
    /// Its working directory; nil keeps the present one.
    public var directory: String?
    /// Its root directory; nil keeps the present one.
    public var root: String?
    /// What becomes its standard input, output and error; nil is `/dev/null`. They stay the caller's to close.
    public var standardInput: FileDescriptor?
    /// See `standardInput`.
    public var standardOutput: FileDescriptor?
    /// See `standardInput`.
    public var standardError: FileDescriptor?
    /// Whether it leads a session and process group of its own.
    public var newSession = true

    /// A program with `/dev/null` on its three descriptors and text arguments; the first argument is `path`.
    public init(_ path: String, _ arguments: [String] = [], environment: [String] = []) {
        self.path = path
        self.arguments = [Array(path.utf8)] + arguments.map { Array($0.utf8) }
        self.environment = environment.map { Array($0.utf8) }
    }

    /// Starts it. The errno is that of `execve` when that failed: ENOENT, EACCES, ENOEXEC …
    public func start() throws(Errno) -> ChildProcess {
        var description = linux_program()
        description.descriptors.0 = standardInput?.rawValue ?? -1
        description.descriptors.1 = standardOutput?.rawValue ?? -1
        description.descriptors.2 = standardError?.rawValue ?? -1
        description.new_session = newSession ? 1 : 0
        var pidfd: CInt = -1
        let names = CStrings([Array(path.utf8)] + [directory, root].map { Array(($0 ?? "").utf8) })
        let argumentStrings = CStrings(arguments)
        let environmentStrings = CStrings(environment)
        defer {
            names.free()
            argumentStrings.free()
            environmentStrings.free()
        }
        description.path = names.pointers[0]
        if directory != nil { description.directory = names.pointers[1] }
        if root != nil { description.root = names.pointers[2] }
        let identifier = argumentStrings.pointers.withUnsafeBufferPointer { arguments in
            environmentStrings.pointers.withUnsafeBufferPointer { environment in
                description.arguments = arguments.baseAddress
                description.environment = environment.baseAddress
                return linux_spawn(&description, &pidfd)
            }
        }
        guard identifier > 0 else { throw .current }
        return ChildProcess(identifier: identifier, pidfd: FileDescriptor(rawValue: pidfd))
    }

    /// Becomes this program in place of the present one; returns only to say why not. Descriptors are not touched.
    public func execute() -> Errno {
        linux_reset_signals()
        let argumentStrings = CStrings(arguments)
        let environmentStrings = CStrings(environment)
        argumentStrings.pointers.withUnsafeBufferPointer { arguments in
            environmentStrings.pointers.withUnsafeBufferPointer { environment in
                _ = linux_execute(path, arguments.baseAddress, environment.baseAddress)
            }
        }
        let error = Errno.current
        argumentStrings.free()
        environmentStrings.free()
        return error
    }
}

/// A process that this one has started.
public struct ChildProcess: Sendable {
    /// Its process id, which is also that of its session and group when it has its own.
    public var identifier: CInt
    /// Readable when it has ended (`man 2 pidfd_open`). Close it after the end was seen.
    public var pidfd: FileDescriptor

    /// Sends a signal to the process alone.
    public func signal(_ signal: CInt) { _ = linux_pidfd_signal(pidfd.rawValue, signal) }

    /// Sends a signal to its whole process group; only before its end was seen, while the id is surely its own.
    public func signalGroup(_ signal: CInt) { _ = kill(-identifier, signal) }

    /// How it ended, and reaps it; nil while it runs.
    public func end() -> ProcessEnd? {
        var code: CInt = 0
        var signal: CInt = 0
        guard linux_wait_pidfd(pidfd.rawValue, &code, &signal) == 1 else { return nil }
        return signal == 0 ? .exited(UInt8(truncatingIfNeeded: code)) : .signaled(UInt8(truncatingIfNeeded: signal))
    }
}

/// NULL-terminated C strings, freed by hand because their pointers outlive a `withUnsafe…` scope.
private struct CStrings {
    var pointers: [UnsafePointer<CChar>?]

    init(_ strings: [[UInt8]]) {
        pointers = strings.map { string in
            guard let copy = malloc(string.count + 1) else { return nil }
            string.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
            }
            copy.storeBytes(of: 0, toByteOffset: string.count, as: UInt8.self)
            return UnsafePointer(copy.assumingMemoryBound(to: CChar.self))
        }
        pointers.append(nil)
    }

    func free() {
        for case let pointer? in pointers { CLinux.free(UnsafeMutableRawPointer(mutating: pointer)) }
    }
}
