internal import LinuxSystem

/// The file tree of an initrd, before it becomes bytes. A value: the same additions in any order give an equal archive.
public struct Archive: Equatable, Sendable {
    /// What is at a path.
    public enum Node: Equatable, Sendable {
        /// A directory with these permission bits.
        case directory(permissions: UInt16)
        /// A regular file.
        case file([UInt8], permissions: UInt16)
        /// A symbolic link with this target, which need not be in the archive.
        case symlink(String)
    }

    /// Normalised path without a leading slash -> node. Every parent of a path is in it, as a directory.
    private(set) var nodes: [String: Node] = [:]
    /// The directories that are there only for what they hold: their permissions may still be said.
    private var implied: Set<String> = []

    /// Makes an empty archive.
    public init() {}

    /// The absolute paths in the archive, sorted by their bytes: parents come before what they hold.
    public var paths: [String] { sortedNames.map { "/" + $0 } }

    /// What is at `path`, or nil.
    public subscript(path: String) -> Node? {
        guard let name = try? Archive.normalise(path) else { return nil }
        return nodes[name]
    }

    /// Adds a directory and its parents.
    ///
    /// - Throws: `occupied` when something else is at `path` already, also a directory that was added with other permissions.
    public mutating func addDirectory(_ path: String, permissions: UInt16 = 0o755) throws(ArchiveError) {
        try addParents(of: path)
        let name = try Archive.normalise(path)
        if implied.remove(name) != nil { nodes[name] = nil }
        try insert(.directory(permissions: permissions & 0o7777), at: path)
    }

    /// Adds a regular file and the directories above it.
    ///
    /// - Precondition: `content` has less than 4 GiB.
    /// - Throws: `occupied` when something else is at `path` already; equal content is no conflict.
    public mutating func addFile(_ path: String, _ content: [UInt8], permissions: UInt16 = 0o644) throws(ArchiveError) {
        try addParents(of: path)
        try insert(.file(content, permissions: permissions & 0o7777), at: path)
    }

    /// Adds a symbolic link and the directories above it.
    public mutating func addSymlink(_ path: String, to target: String) throws(ArchiveError) {
        guard !target.isEmpty, target.utf8.count < Archive.maximumPathLength, !target.utf8.contains(0) else {
            throw .invalidTarget(path: path, target: target)
        }
        try addParents(of: path)
        try insert(.symlink(target), at: path)
    }

    /// A newc size field has 32 bits (`man 5 cpio`).
    static let maximumFileSize = Int(UInt32.max)
    /// Linux skips entries whose name, with its final zero byte, is longer than `PATH_MAX` (`init/initramfs.c`).
    static let maximumPathLength = 4096

    var sortedNames: [String] { nodes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    private mutating func addParents(of path: String) throws(ArchiveError) {
        let components = try Archive.normalise(path).pathParts
        for count in 1..<max(components.count, 1) {
            let parent = components.prefix(count).joined(separator: "/")
            switch nodes[parent] {
            case nil:
                nodes[parent] = .directory(permissions: 0o755)
                implied.insert(parent)
            case .directory: continue
            case .file, .symlink: throw .notADirectory(path: "/" + parent, needed: path)
            }
        }
    }

    private mutating func insert(_ node: Node, at path: String) throws(ArchiveError) {
        let name = try Archive.normalise(path)
        switch (nodes[name], node) {
        case (nil, _): nodes[name] = node
        case (let present?, _) where present == node: break
        default: throw .occupied(path: "/" + name)
        }
    }

    /// `path` without leading, trailing or doubled slashes and without `.` components.
    static func normalise(_ path: String) throws(ArchiveError) -> String {
        let components = path.pathParts.filter { $0 != "." }
        let name = components.joined(separator: "/")
        guard !components.isEmpty, !components.contains(".."), !name.utf8.contains(0), name != CpioWriter.trailerName else {
            throw .invalidPath(path)
        }
        guard name.utf8.count < maximumPathLength else { throw .nameTooLong(path: path, length: name.utf8.count) }
        return name
    }
}
