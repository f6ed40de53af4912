import Glibc
import InitrdBuilder
import LinuxSystem

extension CacheKey {
    /// Adds a tree by the names, modes, sizes, inodes and times of all that is in it: an
    /// answer to whether it has changed that reads no file.
    mutating func add(tree name: FileName, in directory: OpenDirectory) throws(Errno) {
        let status = try directory.status(of: name)
        add(
            "\(status.mode) \(status.size) \(status.identity.device) \(status.identity.number) \(status.changed.tv_sec)."
                + "\(status.changed.tv_nsec) \(status.statusChanged.tv_sec).\(status.statusChanged.tv_nsec)\0")
        guard status.kind.isDirectory else { return }
        let listing = try DirectoryListing(try directory.directory(name))
        defer { listing.close() }
        var names: [FileName] = []
        while let name = try listing.next() { names.append(name) }
        names.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        for name in names {
            add(name.bytes + [0])
            try add(tree: name, in: listing.directory)
        }
        add("\0")
    }
}
