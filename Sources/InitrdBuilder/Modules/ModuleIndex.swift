/// Which modules a tree has, where, and what is known of each before its file is read.
struct ModuleIndex: Equatable, Sendable {
    /// Where each module's file is, below the tree's directory.
    var files: [ModuleName: String] = [:]
    /// From `modules.dep`: the files that each module needs, nearest first; nil without that file.
    var dependencies: [ModuleName: ArraySlice<UInt8>]?

    /// Reads `modules.dep` (`man 5 modules.dep`): `PATH: NEEDED NEEDED …`. Nil when it is empty, as an unpacked package may
    /// have it.
    init?(modulesDep bytes: [UInt8]) {
        var dependencies: [ModuleName: ArraySlice<UInt8>] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let name = ModuleName(path: line[..<colon]) else { continue }
            files[name] = String(decoding: line[..<colon], as: UTF8.self)
            dependencies[name] = line[(colon + 1)...]
        }
        guard !files.isEmpty else { return nil }
        self.dependencies = dependencies
    }

    /// Looks for the files in `directory`. Where two have one name, `updates/` wins, as for `depmod`.
    init(searching directory: String) {
        for top in HostPath.entries(in: directory).sorted(by: { $0.name == "updates" && $1.name != "updates" }) where top.isDirectory {
            search(directory, top.name)
        }
    }

    private mutating func search(_ root: String, _ path: String) {
        for entry in HostPath.entries(in: "\(root)/\(path)") {
            let inner = "\(path)/\(entry.name)"
            if entry.isDirectory {
                search(root, inner)
            } else if let name = ModuleName(path: inner.utf8), files[name] == nil {
                files[name] = inner
            }
        }
    }

    /// The names in the `modules.dep` line of `module`, in load order; nil when there is no such line.
    func loadOrder(of module: ModuleName) -> [ModuleName]? {
        dependencies?[module]?.split(separator: UInt8(ascii: " ")).reversed().compactMap { ModuleName(path: $0) }
    }
}
