import Glibc
public import LinuxSystem

/// Runs programs of this machine: the oracles of tests. Descriptors are close-on-exec everywhere, so that tests may run
/// side by side and none waits for another one's children.
public enum Tool {
    /// What a program left behind.
    public struct Output: Sendable {
        /// How it ended.
        public var end: ProcessEnd
        /// Whether it ended with exit code 0.
        public var isSuccess: Bool { end == .exited(0) }
        /// Its standard output.
        public var bytes: [UInt8]
        /// Its standard error, as text.
        public var errors: String
        /// Its standard output as text.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
        /// The lines of its standard output.
        public var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    /// The program is not there, ended badly, or not within its time.
    public struct Failure: Error, CustomStringConvertible {
        /// What happened, with the command.
        public var description: String
    }

    private static let directories = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]

    /// The path of a program in this machine's usual directories.
    public static func path(_ name: String) throws(Failure) -> String {
        if name.contains("/") { return name }
        guard let path = directories.map({ "\($0)/\(name)" }).first(where: { Files.isExecutable($0) }) else {
            throw Failure(description: "there is no \(name) in \(directories); run `make setup`")
        }
        return path
    }

    /// What the program has to say, when it ends with exit code 0.
    @discardableResult
    public static func run(_ command: String..., input: [UInt8] = [], directory: String? = nil) throws(Failure) -> Output {
        let output = try outcome(command, input: input, directory: directory)
        guard output.isSuccess else {
            throw Failure(description: "\(command.joined(separator: " ")): \(output.end): \(output.errors)")
        }
        return output
    }

    /// What the program has to say, whatever its end. Killed, and an error, after two minutes.
    public static func outcome(_ command: [String], input: [UInt8] = [], directory: String? = nil) throws(Failure) -> Output {
        let executable = try path(command[0])
        do throws(Errno) {
            // Files, not pipes: nothing can fill up while nobody reads.
            let files = try (temporaryFile(input), temporaryFile([]), temporaryFile([]))
            defer { for file in [files.0, files.1, files.2] { file.close() } }
            var program = Program(executable, Array(command.dropFirst()), environment: environment)
            program.standardInput = files.0
            program.standardOutput = files.1
            program.standardError = files.2
            program.directory = directory
            let child = try program.start()
            defer { child.pidfd.close() }
            let ended = child.pidfd.waitUntilReadable(milliseconds: 120_000)
            if !ended { child.signalGroup(SIGKILL) }
            _ = child.pidfd.waitUntilReadable(milliseconds: 10_000)
            guard let end = child.end(), ended else { throw Errno(ETIMEDOUT) }
            return Output(end: end, bytes: try content(files.1), errors: String(decoding: try content(files.2), as: UTF8.self))
        } catch {
            throw Failure(description: "\(command.joined(separator: " ")): \(error.description)")
        }
    }

    private static let environment = ["PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"]

    private static func temporaryFile(_ content: [UInt8]) throws(Errno) -> FileDescriptor {
        let name = "/tmp/vm-agent-tool-\(UInt64.random(in: 0...UInt64.max))"
        let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .current }
        unlink(name)
        let file = FileDescriptor(rawValue: descriptor)
        try file.writeAll(content)
        lseek(descriptor, 0, SEEK_SET)
        return file
    }

    private static func content(_ file: FileDescriptor) throws(Errno) -> [UInt8] {
        lseek(file.rawValue, 0, SEEK_SET)
        return try Files.read(file, limit: 1 << 30)
    }
}
