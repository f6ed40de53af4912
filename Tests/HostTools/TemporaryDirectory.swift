import Glibc
internal import LinuxSystem

/// A directory of a test's own, removed when the test lets go of it.
public final class TemporaryDirectory: Sendable {
    /// Its absolute path, without symbolic links.
    public let path: String

    /// Makes an empty one.
    public init() throws {
        guard let name = strdup("/tmp/vm-agent-test-XXXXXX") else { throw Errno.current }
        defer { free(name) }
        guard mkdtemp(name) != nil, let real = realpath(name, nil) else { throw Errno.current }
        defer { free(real) }
        path = String(cString: real)
    }

    deinit { _ = try? Tool.run("rm", "-rf", "--", path) }

    /// Writes a file below the directory, and makes the directories above it.
    ///
    /// - Returns: its absolute path.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> String {
        let file = "\(path)/\(name)"
        if let slash = file.lastIndex(of: "/") { try Files.makeDirectory(String(file[..<slash])) }
        // A program is written by another process: a child that another test starts meanwhile would keep our descriptor
        // open for a moment, and the program could not be executed (ETXTBSY).
        if mode & 0o111 != 0 {
            try Tool.run("sh", "-c", "cat >\"$0\"", file, input: bytes)
        } else {
            let descriptor = try FileDescriptor.open(file, .create)
            defer { descriptor.close() }
            try descriptor.writeAll(bytes)
        }
        guard chmod(file, mode) == 0 else { throw Errno.current }
        return file
    }

    /// Writes a text file below the directory.
    @discardableResult
    public func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    /// Reads a file below the directory.
    public func read(_ name: String) throws -> [UInt8] { try Files.read("\(path)/\(name)", limit: 1 << 30) }
}
