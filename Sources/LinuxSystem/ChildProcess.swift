public import CLinux

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
    public var pathBytes: [UInt8]
    /// Its arguments; the first is its own name.
    public var arguments: [[UInt8]]
    /// Its whole environment, `NAME=VALUE`.
    public var environment: [[UInt8]]
    /// Its working directory; nil keeps the present one.
    public var directoryBytes: [UInt8]?
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
    /// Whether its standard input is a terminal, which becomes its session's own.
    public var hasTerminal = false
    /// Who it runs as; nil for this process's own user.
    public var user: User?
    /// The `cgroup.procs` of the control group that it joins; stays the caller's to close.
    public var controlGroup: FileDescriptor?

    /// A user as the kernel knows one.
    public struct User: Equatable, Sendable {
        /// The user's number.
        public var identifier: uid_t
        /// The number of the user's own group.
        public var group: gid_t
        /// The other groups, and perhaps that one again.
        public var groups: [gid_t]

        /// Makes a user from its numbers.
        public init(identifier: uid_t, group: gid_t, groups: [gid_t]) {
            self.identifier = identifier
            self.group = group
            self.groups = groups
        }
    }

    /// Which part of a start failed.
    public enum StartStep: Equatable, Sendable {
        /// The process itself: no memory, no descriptors.
        case process
        /// Its session, or the terminal for it.
        case terminal
        /// Becoming the user.
        case user
        /// The root or working directory.
        case directory
        /// `execve`.
        case execution
    }

    /// Why a program was not started.
    public struct StartFailure: Error, Equatable, Sendable {
        /// What failed.
        public var step: StartStep
        /// The system's word on it.
        public var error: Errno

        /// Makes a failure from its parts.
        public init(step: StartStep, error: Errno) {
            self.step = step
            self.error = error
        }
    }

    /// A program with `/dev/null` on its three descriptors and text arguments; the first argument is `path`.
    public init(_ path: String, _ arguments: [String] = [], environment: [String] = []) {
        self.init(path: Array(path.utf8))
        self.arguments = [Array(path.utf8)] + arguments.map { Array($0.utf8) }
        self.environment = environment.map { Array($0.utf8) }
    }

    /// The executable's path as text, for those who know that it is.
    public var path: String {
        get { String(decoding: pathBytes, as: UTF8.self) }
        set { pathBytes = Array(newValue.utf8) }
    }

    /// The working directory as text, for those who know that it is.
    public var directory: String? {
        get { directoryBytes.map { String(decoding: $0, as: UTF8.self) } }
        set { directoryBytes = newValue.map { Array($0.utf8) } }
    }

    /// A program with `/dev/null` on its three descriptors, whose one argument is its path.
    public init(path: [UInt8]) {
        pathBytes = path
        arguments = [path]
        environment = []
    }

    /// Starts it. The errno is that of `execve` when that failed: ENOENT, EACCES, ENOEXEC …
    public func start() throws(Errno) -> ChildProcess {
        do throws(StartFailure) { return try launch() } catch { throw error.error }
    }

    /// Starts it, and says which step failed when it does not.
    public func launch() throws(StartFailure) -> ChildProcess {
        var pidfd: CInt = -1
        var step = LINUX_START_PROCESS
        let identifier = withDescription { linux_spawn(&$0, &pidfd, &step) }
        guard identifier > 0 else { throw StartFailure(step: StartStep(step), error: .current) }
        return ChildProcess(identifier: identifier, pidfd: FileDescriptor(rawValue: pidfd))
    }

    /// In the child of `ChildProcess.start`: becomes this program. Returns only to say why not.
    public func become() -> StartFailure {
        var report = ChildProcess.report
        var step = LINUX_START_PROCESS
        let error = withDescription {
            $0.has_streams = 1
            return linux_become(&$0, &report, &step)
        }
        return StartFailure(step: StartStep(step), error: Errno(error))
    }

    #if !hasFeature(Embedded)
        /// Has the runtime make types that `become` needs and little else does. In the child of a process with threads, as tests are, it could
        /// wait for ever to make them: for a lock that another thread held at the fork.
        fileprivate static func makeTypes() { _ = Program(path: []).withDescription { _ in 0 } }
    #endif

    private func withDescription(_ body: (inout linux_program) -> CInt) -> CInt {
        var description = linux_program()
        description.descriptors.0 = standardInput?.rawValue ?? -1
        description.descriptors.1 = standardOutput?.rawValue ?? -1
        description.descriptors.2 = standardError?.rawValue ?? -1
        description.new_session = newSession ? 1 : 0
        description.terminal = hasTerminal ? 1 : 0
        description.group = controlGroup?.rawValue ?? 0
        if let user {
            description.change_user = 1
            (description.uid, description.gid) = (user.identifier, user.group)
        }
        let names = CStrings([pathBytes, directoryBytes ?? [], Array((root ?? "").utf8)])
        let argumentStrings = CStrings(arguments)
        let environmentStrings = CStrings(environment)
        defer {
            names.free()
            argumentStrings.free()
            environmentStrings.free()
        }
        description.path = names.pointers[0]
        if directoryBytes != nil { description.directory = names.pointers[1] }
        if root != nil { description.root = names.pointers[2] }
        return argumentStrings.pointers.withUnsafeBufferPointer { arguments in
            environmentStrings.pointers.withUnsafeBufferPointer { environment in
                (user?.groups ?? []).withUnsafeBufferPointer { groups in
                    description.arguments = arguments.baseAddress
                    description.environment = environment.baseAddress
                    (description.groups, description.group_count) = (groups.baseAddress, groups.count)
                    return body(&description)
                }
            }
        }
    }

    /// Becomes this program in place of the present one; returns only to say why not. Descriptors are not touched.
    public func execute() -> Errno {
        let names = CStrings([pathBytes])
        let argumentStrings = CStrings(arguments)
        let environmentStrings = CStrings(environment)
        argumentStrings.pointers.withUnsafeBufferPointer { arguments in
            environmentStrings.pointers.withUnsafeBufferPointer { environment in
                _ = linux_execute(names.pointers[0], arguments.baseAddress, environment.baseAddress)
            }
        }
        let error = Errno.current
        names.free()
        argumentStrings.free()
        environmentStrings.free()
        return error
    }
}

extension Program.StartStep {
    fileprivate init(_ step: linux_start_step) {
        switch step {
        case LINUX_START_TERMINAL: self = .terminal
        case LINUX_START_USER: self = .user
        case LINUX_START_DIRECTORY: self = .directory
        case LINUX_START_EXECUTE: self = .execution
        default: self = .process
        }
    }
}

/// A process that this one has started.
public struct ChildProcess: Sendable {
    /// The descriptor of a child's answer, while it is being started.
    fileprivate static let report: CInt = 3

    /// Why a child could not become its program, in its own words.
    public struct Refusal: Equatable, Sendable {
        /// The exit code that says it.
        public var code: UInt8
        /// UTF-8.
        public var reason: [UInt8]

        /// Makes a refusal from its parts.
        public init(code: UInt8, reason: [UInt8]) {
            self.code = code
            self.reason = reason
        }
    }

    /// A child that is still to become its program.
    public struct Start: Sendable {
        /// The child. Its pidfd is the caller's.
        public var child: ChildProcess
        /// Readable when there is an outcome. The caller's to close, after that.
        public var report: FileDescriptor

        /// What has become of it.
        public enum Outcome {
            /// Nothing yet.
            case pending
            /// It is its program, or has ended on the way.
            case started
            /// It could not; it has ended, and nothing of it is left but the pidfd.
            case refused(Refusal)
        }

        /// What has become of it, without waiting. Not again when it was not `pending`.
        ///
        /// - Parameter isLast: takes a child that is not its program yet for one that is. When it then cannot go on, it writes the reason
        ///   to its standard error and exits with the code.
        public func outcome(isLast: Bool) -> Outcome {
            var answer = [UInt8](repeating: 0, count: 1024)
            let count = answer.withUnsafeMutableBytes { linux_start_answer(report.rawValue, $0.baseAddress, $0.count, isLast ? 1 : 0) }
            guard count >= 0 else { return .pending }
            guard count > 0 else { return .started }
            _ = waitpid(child.identifier, nil, 0)
            return .refused(Refusal(code: answer[0], reason: Array(answer[1..<count])))
        }
    }

    /// Starts a program that only the child finds out about: what it looks up may be on a file server that is silent, and then keeps
    /// nobody else waiting.
    ///
    /// - Parameters:
    ///   - streams: its standard input, output and error; nil is `/dev/null`.
    ///   - group: the `cgroup.procs` to join. All other descriptors are closed.
    ///   - prepare: called in the child, which leads a session by then, with the group's descriptor there. It calls `Program.become`, and returns only when that did.
    public static func start(
        streams: (FileDescriptor?, FileDescriptor?, FileDescriptor?), group: FileDescriptor?, _ prepare: (FileDescriptor?) -> Refusal
    ) throws(Errno) -> Start {
        var report: CInt = -1
        #if !hasFeature(Embedded)
            Program.makeTypes()
        #endif
        let child = linux_start_child(&report)
        if child == 0 {
            var numbers = [streams.0?.rawValue ?? -1, streams.1?.rawValue ?? -1, streams.2?.rawValue ?? -1]
            var groupNumber = group?.rawValue ?? 0
            let refusal =
                linux_take_streams(&numbers, &report, &groupNumber) == 0
                ? prepare(group == nil ? nil : FileDescriptor(rawValue: groupNumber))
                : Refusal(code: 126, reason: Array(Errno.current.description.utf8))
            tell(refusal, report)
        }
        guard child > 0 else { throw .current }
        let pidfd = linux_open_child(child)
        guard pidfd >= 0 else {
            let error = Errno.current
            FileDescriptor(rawValue: report).close()
            throw error
        }
        return Start(
            child: ChildProcess(identifier: child, pidfd: FileDescriptor(rawValue: pidfd)), report: FileDescriptor(rawValue: report))
    }

    private static func tell(_ refusal: Refusal, _ report: CInt) -> Never {
        let answer = [refusal.code] + refusal.reason.prefix(1000)
        if send(report, answer, answer.count, CInt(MSG_NOSIGNAL)) < 0 {
            try? FileDescriptor(rawValue: 2).writeAll(refusal.reason + [UInt8(ascii: "\n")])
        }
        _exit(CInt(refusal.code))
    }

    /// Its process id, which is also that of its session and group when it has its own.
    public var identifier: CInt
    /// Readable when it has ended (`man 2 pidfd_open`). Close it after the end was seen.
    public var pidfd: FileDescriptor

    /// Sends a signal to the process alone.
    public func signal(_ signal: CInt) { _ = linux_pidfd_signal(pidfd.rawValue, signal) }

    /// Sends a signal to its whole process group; only before its end was seen, while the id is surely its own.
    ///
    /// - Returns: false when there is no such group yet.
    @discardableResult public func signalGroup(_ signal: CInt) -> Bool { kill(-identifier, signal) == 0 || Errno.current != Errno(ESRCH) }

    /// Whether others than it run in its process group. Only while its id is surely its own, as above.
    public var groupHasOthers: Bool { linux_group_has_others(identifier) == 1 }

    /// How it ended, and reaps it; nil while it runs.
    ///
    /// - Parameter keepingIdentifier: leaves it a zombie, so that its id, which is that of its group, goes to no other process.
    public func end(keepingIdentifier: Bool = false) -> ProcessEnd? {
        var code: CInt = 0
        var signal: CInt = 0
        guard linux_wait_pidfd(pidfd.rawValue, keepingIdentifier ? 1 : 0, &code, &signal) == 1 else { return nil }
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
