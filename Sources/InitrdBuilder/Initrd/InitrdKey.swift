import Glibc

/// Names an initrd by what it is made of, without reading it: each entry, and of each file its path, size, inode and times.
enum InitrdKey {
    /// Raised when the same plan gives other bytes than before.
    private static let format = 1

    static func of(_ plan: InitrdPlan, compression: Compression) throws(InitrdError) -> String {
        var hash = CacheKey()
        hash.add("\(format) \(compression)")
        for (destination, source) in plan.sortedEntries {
            hash.add("\(destination)\0")
            if case .unsignedModule = source { hash.add("unsigned\0") }
            guard let path = source.path else {
                switch source {
                case .bytes(let bytes): hash.add(bytes)
                default: hash.add("\(source)")
                }
                continue
            }
            guard hash.add(file: path) else { throw .file(.failed(action: .read, path: path, code: errno)) }
        }
        return hash.text
    }
}
