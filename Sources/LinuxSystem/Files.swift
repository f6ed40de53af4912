public import CLinux

/// Whole files and single names in the tree, by path.
public enum Files {
    /// Renames a file, unless something is at `path`. False with an error.
    public static func rename(_ old: String, toNew path: String) -> Bool { linux_rename_new(old, path) == 0 }

    /// Reads a file of at most `limit` bytes, whatever its reported size (files in `/proc` report 0).
    ///
    /// - Throws: the errno of `open` or `read`; EFBIG when the file has more than `limit` bytes.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let file = try FileDescriptor.open(path, .read)
        defer { file.close() }
        return try read(file, limit: limit)
    }

    /// Reads an open file to its end.
    public static func read(_ file: FileDescriptor, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        var (content, isWhole) = try piece(of: file, limit: 4 << 10)
        while !isWhole {
            let next = try piece(of: file, limit: 64 << 10)
            guard content.count + next.bytes.count <= limit else { throw Errno(EFBIG) }
            // Raw bytes are one copy; an array goes byte by byte in Embedded Swift.
            next.bytes.withUnsafeBytes { content.append(contentsOf: $0) }
            isWhole = next.isLast
        }
        guard content.count <= limit else { throw Errno(EFBIG) }
        return content
    }

    /// Reads what comes next, at most `limit` bytes, and as many unless the file ends.
    private static func piece(of file: FileDescriptor, limit: Int) throws(Errno) -> (bytes: [UInt8], isLast: Bool) {
        var isLast = false
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit, !isLast, failure == nil {
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[count...])
                do throws(Errno) {
                    let got = try file.read(into: UnsafeMutableRawBufferPointer(rest)) ?? 0
                    count += got
                    isLast = got == 0
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return (bytes, isLast)
    }

    /// Reads a small text file, without the newline at its end.
    public static func readLine(_ path: String) throws(Errno) -> String {
        var bytes = try read(path, limit: 64 << 10)
        while bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes `text` to an existing file, as `/sys` and `/proc` want it: in one `write`.
    public static func write(_ text: String, to path: String, _ access: FileDescriptor.Access = .write) throws(Errno) {
        let file = try FileDescriptor.open(path, access)
        defer { file.close() }
        try file.writeAll(Array(text.utf8))
    }

    /// Makes a directory and those above it; content with one that exists.
    public static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(Errno) {
        if mkdir(path, mode) == 0 { return }
        let error = Errno.current
        if error == .exists, isDirectory(path) { return }
        guard error == .noSuchFile, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { throw error }
        try makeDirectory(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || Errno.current == .exists else { throw .current }
    }

    /// Copies a regular file. The copy has exactly this mode, also where a file was.
    public static func copy(_ source: String, to destination: String, mode: mode_t) throws(Errno) {
        let input = try FileDescriptor.open(source, .read)
        defer { input.close() }
        let output = try FileDescriptor.open(destination, .create, mode: mode)
        defer { output.close() }
        guard fchmod(output.rawValue, mode) == 0 else { throw .current }
        while true {
            let count = linux_copy_range(input.rawValue, output.rawValue, 1 << 24)
            if count == 0 { return }
            if count < 0 {
                guard Errno.current == .interrupted else { break }
            }
        }
        try output.writeAll(try read(input, limit: 64 << 20))
    }

    /// True when `path` is there, whatever it is.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// True when this process may execute `path`, and it is no directory.
    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 && !isDirectory(path) }

    /// The same for a path of any bytes.
    public static func isExecutable(_ path: [UInt8]) -> Bool {
        (path + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in
                guard let name = name.baseAddress else { return false }
                var status = CLinux.stat()
                return access(name, X_OK) == 0 && stat(name, &status) == 0 && linux_is_directory(status.st_mode) == 0
            }
        }
    }

    /// True when `path` is a directory, links followed.
    public static func isDirectory(_ path: String) -> Bool {
        var status = CLinux.stat()
        return stat(path, &status) == 0 && linux_is_directory(status.st_mode) != 0
    }

    /// True when `path` is a directory that this process may make its working directory.
    public static func isEnterable(_ path: String) -> Bool { access(path, X_OK) == 0 && isDirectory(path) }

    /// True when `path` is a block device, links followed.
    public static func isBlockDevice(_ path: String) -> Bool {
        var status = CLinux.stat()
        return stat(path, &status) == 0 && linux_is_block_device(status.st_mode) != 0
    }

    /// What the symbolic link `path` holds, or nil when it is none.
    public static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in name.baseAddress.map { readlink(path, $0, name.count) } ?? -1 }
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
