/// An initrd before its files are put together: what comes from where. Equal descriptions on an unchanged host give equal
/// plans.
public struct InitrdPlan: Equatable, Sendable {
    /// Where an entry's content comes from.
    public enum Source: Equatable, Sendable {
        /// A file of the host, with its permissions.
        case file(String)
        /// A program or library of the host, executable in the guest whatever it is on the host.
        case program(String)
        /// A kernel module of the host, decompressed.
        case module(ModuleFile)
        /// The same without the signature at its end.
        case unsignedModule(ModuleFile)
        /// The signature alone; empty when the module has none.
        case moduleSignature(ModuleFile)
        /// These bytes.
        case bytes([UInt8])
        /// A directory.
        case directory(permissions: UInt16)
        /// A symbolic link to this target.
        case symlink(String)

        /// The host's file, where there is one.
        public var path: String? {
            switch self {
            case .file(let path), .program(let path): path
            case .module(let module), .unsignedModule(let module), .moduleSignature(let module): module.path
            case .bytes, .directory, .symlink: nil
            }
        }
    }

    /// Absolute path in the guest -> source. Directories above these paths need no entry.
    public internal(set) var entries: [String: Source] = [:]
    /// The modules in load order.
    public internal(set) var modules: [ModuleFile] = []
    /// What the person who builds the initrd should know: one sentence each.
    public internal(set) var notes: [String] = []

    /// The entries by path: what a path is below comes before it.
    public var sortedEntries: [(destination: String, source: Source)] {
        entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) }
    }

    /// Reads the files and puts them together.
    public func archive() throws(InitrdError) -> Archive {
        var archive = Archive()
        for (destination, source) in sortedEntries {
            switch source {
            case .file(let path):
                let file = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in
                    try HostFile.readWithPermissions(path)
                }
                try add(file.bytes, file.permissions, to: &archive, at: destination)
            case .program(let path):
                let bytes = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.read(path) }
                try add(bytes, 0o755, to: &archive, at: destination)
            case .module(let module): try add(try contents(of: module), 0o644, to: &archive, at: destination)
            case .unsignedModule(let module):
                try add(ModuleSignature(parting: try contents(of: module)).module, 0o644, to: &archive, at: destination)
            case .moduleSignature(let module):
                try add(ModuleSignature(parting: try contents(of: module)).signature, 0o644, to: &archive, at: destination)
            case .bytes(let bytes): try add(bytes, 0o644, to: &archive, at: destination)
            case .directory(let permissions):
                try InitrdError.wrapping(InitrdError.archive) { () throws(ArchiveError) in
                    try archive.addDirectory(destination, permissions: permissions)
                }
            case .symlink(let target):
                try InitrdError.wrapping(InitrdError.archive) { () throws(ArchiveError) in
                    try archive.addSymlink(destination, to: target)
                }
            }
        }
        return archive
    }

    /// Builds the initrd's bytes.
    public func image(compression: Compression = .none) throws(InitrdError) -> [UInt8] {
        let bytes = try archive().cpio()
        return try InitrdError.wrapping(InitrdError.compression) { () throws(CompressionError) in
            try compression.apply(to: bytes)
        }
    }

    /// Builds the initrd and makes it the content of `path` in one step.
    ///
    /// - Returns: the image's size in bytes.
    @discardableResult
    public func write(to path: String, compression: Compression = .none) throws(InitrdError) -> Int {
        let bytes = try image(compression: compression)
        try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.write(bytes, to: path) }
        return bytes.count
    }

    private func contents(of module: ModuleFile) throws(InitrdError) -> [UInt8] {
        try InitrdError.wrapping(InitrdError.modules) { () throws(ModuleError) in try module.contents() }
    }

    private func add(
        _ bytes: [UInt8], _ permissions: UInt16, to archive: inout Archive, at destination: String
    ) throws(InitrdError) {
        do throws(ArchiveError) {
            try archive.addFile(destination, bytes, permissions: permissions)
        } catch {
            throw .archive(error)
        }
    }
}
