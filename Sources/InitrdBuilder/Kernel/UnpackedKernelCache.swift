import Glibc

/// Keeps unpacked kernels, as `InitrdCache` keeps initrds.
public struct UnpackedKernelCache: Sendable {
    private let directory: String
    /// How many are kept; the ones used longest ago go first. Each has some 50 MiB.
    private let capacity: Int

    /// Makes a cache in `directory`, which is made when it is first needed.
    public init(directory: String = CacheDirectory.ofUser(), capacity: Int = 3) {
        (self.directory, self.capacity) = (directory, max(1, capacity))
    }

    /// The path of the unpacked kernel of the image at `path`, unpacked now when the cache has none; nil when QEMU cannot enter
    /// it: it is no `bzImage`, is packed with neither LZ4 nor zstd, or has no entry for it.
    public func kernel(of path: String) throws(InitrdError) -> String? {
        var key = CacheKey()
        key.add("1")
        guard key.add(file: path) else { throw .file(.failed(action: .read, path: path, code: errno)) }
        let unpacked = "\(directory)/kernel-\(key.text).elf"
        if CacheDirectory.use(unpacked) { return unpacked }
        let image = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.read(path) }
        guard let packed = PackedKernel(image: image), let kernel = try? packed.unpacked(), PackedKernel.hasDirectEntry(kernel) else {
            return nil
        }
        try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in
            try CacheDirectory.make(directory)
            try HostFile.write(kernel, to: unpacked)
        }
        CacheDirectory.removeOldest(in: directory, prefix: "kernel-", capacity: capacity, sparing: unpacked) { $0.hasSuffix(".elf") }
        return unpacked
    }
}
