/// The modules of one kernel: a `lib/modules/RELEASE` directory, with or without what `depmod` writes there.
public struct ModuleTree: Equatable, Sendable {
    /// The directory, the one that holds `kernel/`.
    public let directory: String
    /// The kernel release that it belongs to.
    public let release: String

    let index: ModuleIndex
    /// What is built into the kernel (`modules.builtin`); nil when the tree does not say.
    let builtin: Set<ModuleName>?
    private let softDependencies: [ModuleName: [String]]?

    /// Reads the tree in `directory` itself. `locate` is for a path that a person gave.
    init(directory: String, release: String) throws(ModuleError) {
        self.directory = directory
        self.release = release
        func contents(_ name: String) throws(ModuleError) -> [UInt8]? {
            let path = "\(directory)/\(name)"
            guard HostPath.exists(path) else { return nil }
            do throws(FileError) { return try HostFile.read(path) } catch { throw .unreadable(error) }
        }
        index = try contents("modules.dep").flatMap(ModuleIndex.init(modulesDep:)) ?? ModuleIndex(searching: directory)
        builtin = try contents("modules.builtin").map { bytes in
            Set(bytes.split(separator: UInt8(ascii: "\n")).compactMap { ModuleName(path: $0) })
        }
        softDependencies = try contents("modules.softdep").map(SoftDependencies.parse)
    }

    /// The file of a module, or nil when it is not in the tree.
    func file(of module: ModuleName) -> ModuleFile? {
        index.files[module].map { ModuleFile(name: module, path: "\(directory)/\($0)") }
    }

    /// What must be loaded before a module, in load order: everything with a `modules.dep`, else what the module names.
    func dependencies(of file: ModuleFile) throws(ModuleError) -> [ModuleName] {
        if let order = index.loadOrder(of: file.name) { return order }
        return try file.information().depends.map { ModuleName($0) }
    }

    /// What should be loaded before a module where the tree has it.
    func softDependencies(of file: ModuleFile) throws(ModuleError) -> [ModuleName] {
        let names: [String]
        if let softDependencies { names = softDependencies[file.name] ?? [] } else { names = try file.information().softDependencies }
        return names.flatMap { name in
            let module = ModuleName(name)
            return index.files[module] == nil ? ModuleAliases.modules(for: name, in: directory) : [module]
        }
    }
}
