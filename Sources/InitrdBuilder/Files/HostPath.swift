import Glibc
internal import LinuxSystem

/// What is where in the host's file tree.
enum HostPath {
    /// Whether something is at `path`, through symbolic links.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether a directory is at `path`, through symbolic links.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// What the symbolic link at `path` says, or nil when there is none.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The permission bits of what is at `path`.
    static func permissions(_ path: String) -> UInt16? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt16(status.st_mode & 0o7777) : nil
    }

    /// `path` without symbolic links and `..`, or nil when it does not exist.
    static func canonicalPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The names in the directory at `path`, sorted, without `.` and `..`; empty when it cannot be read.
    static func names(in path: String) -> [String] { entries(in: path).map(\.name) }

    /// The names in the directory at `path`, sorted, and whether each is a directory itself (symbolic links are not).
    static func entries(in path: String) -> [(name: String, isDirectory: Bool)] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var entries: [(name: String, isDirectory: Bool)] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isDirectory = lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append((name, isDirectory))
        }
        return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The directory part of `path`, as `dirname` has it.
    static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The last component of `path`.
    static func name(of path: String) -> String {
        path.pathParts.last ?? path
    }

    /// `path` with `.` and `..` worked out by its text alone, as is right where there are no symbolic links.
    static func withoutDots(_ path: String) -> String {
        var components: [String] = []
        for component in path.pathParts where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return (path.utf8.first == UInt8(ascii: "/") ? "/" : "") + components.joined(separator: "/")
    }
}
