import Glibc

/// Where the loader looks for libraries that no run path leads to (`man 8 ld.so`, `man 8 ldconfig`).
struct LibraryDirectories: Equatable, Sendable {
    /// From `ld.so.conf`: the directories that the loader's cache covers. The guest has no such cache.
    var configured: [String]
    /// Those that the loader knows without a cache.
    var standard: [String]

    /// The host's own.
    static func ofHost(_ machine: ELFImage.Machine, configuration: String = "/etc/ld.so.conf") -> LibraryDirectories {
        let triplet =
            switch machine {
            case .x86_64: "x86_64-linux-gnu"
            case .aarch64: "aarch64-linux-gnu"
            }
        return LibraryDirectories(
            configured: directories(inConfiguration: configuration, depth: 0),
            standard: ["/lib/\(triplet)", "/usr/lib/\(triplet)", "/lib64", "/usr/lib64", "/lib", "/usr/lib"])
    }

    /// One directory a line, `include PATTERN`, comments behind `#`. A file that is not there adds nothing.
    private static func directories(inConfiguration path: String, depth: Int) -> [String] {
        guard depth < 8, let bytes = try? HostFile.read(path) else { return [] }
        var directories: [String] = []
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = line.prefix { $0 != "#" }
            let words = text.split { $0 == " " || $0 == "\t" || $0 == "," || $0 == ":" }.map(String.init)
            switch words.first {
            case "include":
                for pattern in words.dropFirst() {
                    let full = pattern.hasPrefix("/") ? pattern : HostPath.directory(of: path) + "/" + pattern
                    for match in files(matching: full) {
                        directories += self.directories(inConfiguration: match, depth: depth + 1)
                    }
                }
            case "hwcap": continue
            default: directories += words.filter { $0.hasPrefix("/") }
            }
        }
        return directories
    }

    private static func files(matching pattern: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }
}
