import Glibc
internal import LinuxSystem

/// A place for files that can be made again.
public enum CacheDirectory {
    /// `$XDG_CACHE_HOME/vm-agent`, else `~/.cache/vm-agent`, else one in `/tmp` (XDG Base Directory Specification).
    public static func ofUser() -> String {
        if let home = value("XDG_CACHE_HOME"), home.hasPrefix("/") { return "\(home)/vm-agent" }
        if let home = value("HOME"), home.hasPrefix("/") { return "\(home)/.cache/vm-agent" }
        return "/tmp/vm-agent-\(getuid())"
    }

    /// Makes `directory`, for its owner alone, and those above it. One that is there must be the user's own: others could
    /// put their files in the place of ours.
    public static func make(_ directory: String) throws(FileError) {
        var path = directory.utf8.first == UInt8(ascii: "/") ? "" : "."
        for component in directory.pathParts {
            path += "/\(component)"
            if mkdir(path, 0o700) != 0, errno != EEXIST { throw .noCache(path: path, code: errno) }
        }
        var status = stat()
        guard stat(directory, &status) == 0 else { throw .noCache(path: directory, code: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .noCache(path: directory, code: ENOTDIR) }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else { throw .notOwned(directory: directory) }
    }

    /// Removes the files in `directory` whose names begin with `prefix`, those that were used longest ago first, until there
    /// are `capacity` of them, and those that somebody began an hour ago and never ended. `path` stays.
    public static func removeOldest(
        in directory: String, prefix: String, capacity: Int, sparing path: String, isWhole: (String) -> Bool = { _ in true }
    ) {
        var files: [(path: String, time: Int)] = []
        for name in HostPath.names(in: directory) where name.hasPrefix(prefix) {
            let candidate = "\(directory)/\(name)"
            var status = stat()
            guard candidate != path, stat(candidate, &status) == 0 else { continue }
            if isWhole(name) {
                files.append((candidate, status.st_mtim.tv_sec))
            } else if status.st_mtim.tv_sec < time(nil) - 3600 {
                // A younger one may still become whole.
                unlink(candidate)
            }
        }
        files.sort { ($0.time, $0.path) > ($1.time, $1.path) }
        for file in files.dropFirst(max(0, capacity - 1)) { unlink(file.path) }
    }

    /// Marks `path` as used now; false when it is not there.
    public static func use(_ path: String) -> Bool { utimensat(AT_FDCWD, path, nil, 0) == 0 }

    private static func value(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
