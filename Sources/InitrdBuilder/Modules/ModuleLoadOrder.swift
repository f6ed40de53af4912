extension ModuleTree {
    /// The files to load for `names`, each once and after all it needs, in the order of the names otherwise. What is built
    /// into the kernel is left out. As `modprobe --show-depends`, with soft dependencies before their module.
    ///
    /// - Throws: `notFound` for a name that is neither a file nor known to be built in; `cycle`; `unreadable`; `damaged`.
    public func loadOrder(of names: [String]) throws(ModuleError) -> [ModuleFile] {
        var order = ModuleLoadOrder(tree: self)
        for name in names { try order.require(ModuleName(name), neededBy: nil) }
        return order.files
    }

    /// Whether the tree has a module, as a file or built in.
    public func contains(_ name: String) -> Bool {
        let module = ModuleName(name)
        return index.files[module] != nil || builtin?.contains(module) == true
    }
}

private struct ModuleLoadOrder {
    let tree: ModuleTree
    private(set) var files: [ModuleFile] = []
    private var done: Set<ModuleName> = []
    private var under: [ModuleName] = []

    init(tree: ModuleTree) { self.tree = tree }

    mutating func require(_ module: ModuleName, neededBy dependent: ModuleName?) throws(ModuleError) {
        guard let file = tree.file(of: module) else {
            if tree.builtin?.contains(module) == true { return }
            throw .notFound(
                name: module.text, neededBy: dependent?.text, directory: tree.directory, hasBuiltinList: tree.builtin != nil)
        }
        try add(file)
    }

    private mutating func add(_ file: ModuleFile) throws(ModuleError) {
        guard !done.contains(file.name) else { return }
        guard !under.contains(file.name) else { throw .cycle((under + [file.name]).map(\.text)) }
        under.append(file.name)
        defer { under.removeLast() }
        for dependency in try tree.dependencies(of: file) { try require(dependency, neededBy: file.name) }
        for wish in try tree.softDependencies(of: file) {
            guard let wished = tree.file(of: wish) else { continue }
            try grant(wished)
        }
        done.insert(file.name)
        files.append(file)
    }

    /// Adds what a module would like to find loaded. A wish that leads back here, or to nothing, is one that cannot be met.
    private mutating func grant(_ file: ModuleFile) throws(ModuleError) {
        var granted = self
        do throws(ModuleError) {
            try granted.add(file)
        } catch {
            switch error {
            case .cycle, .notFound: return
            default: throw error
            }
        }
        self = granted
    }
}
