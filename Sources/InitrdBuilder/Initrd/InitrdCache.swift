/// Keeps built initrds, so that the next VM with the same parts starts at once. Any number of programs may use one
/// directory at a time: images appear whole, under a name that says what they are made of.
public struct InitrdCache: Sendable {
    /// Where the images are.
    public let directory: String
    /// How many images are kept; the ones used longest ago go first.
    public let capacity: Int

    /// Makes a cache in `directory`, which is made when it is first needed.
    public init(directory: String, capacity: Int = 8) {
        self.directory = directory
        self.capacity = max(1, capacity)
    }

    /// The user's own: `$XDG_CACHE_HOME/vm-agent`, else `~/.cache/vm-agent`, else a directory in `/tmp` with the user's number.
    public static func ofUser() -> InitrdCache {
        InitrdCache(directory: CacheDirectory.ofUser())
    }

    /// The path of an initrd with what `plan` says, made now when the cache has none.
    ///
    /// The image stays valid for as long as someone has it open; open it (start QEMU) soon.
    public func image(of plan: InitrdPlan, compression: Compression = .none) throws(InitrdError) -> String {
        let key = try InitrdKey.of(plan, compression: compression)
        let path = "\(directory)/initrd-\(key).img"
        if CacheDirectory.use(path) { return path }
        try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try CacheDirectory.make(directory) }
        try plan.write(to: path, compression: compression)
        CacheDirectory.removeOldest(in: directory, prefix: "initrd-", capacity: capacity, sparing: path) { $0.hasSuffix(".img") }
        return path
    }
}
