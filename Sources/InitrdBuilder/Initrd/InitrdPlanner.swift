internal import LinuxSystem

/// Turns a description into a plan: finds libraries and modules and decides where everything goes.
struct InitrdPlanner {
    private var plan = InitrdPlan()

    /// What the agent and the programs expect to find. `/init` makes all else.
    private static let directories: [(path: String, permissions: UInt16)] = [
        ("/dev", 0o755), ("/mnt-root", 0o755), ("/proc", 0o555), ("/run", 0o755), ("/sys", 0o555), ("/tmp", 0o1777),
    ]

    static func plan(_ description: InitrdDescription) throws(InitrdError) -> InitrdPlan {
        var planner = InitrdPlanner()
        for (path, permissions) in directories { planner.plan.entries[path] = .directory(permissions: permissions) }
        try planner.addAgent(description.agent)
        if let busybox = description.busybox { try planner.addBusybox(busybox) }
        if let mke2fs = description.mke2fs { _ = try planner.addProgram(mke2fs, at: "/sbin/mke2fs") }
        if let e2fsck = description.e2fsck { _ = try planner.addProgram(e2fsck, at: "/sbin/e2fsck") }
        if let configuration = description.mke2fsConfiguration { try planner.add(.file(configuration), at: "/etc/mke2fs.conf") }
        if let tree = description.moduleTree { try planner.addModules(description.modules, from: tree, description.signatures) }
        for addition in description.additions { try planner.addAddition(addition) }
        return planner.plan
    }

    private mutating func addAgent(_ path: String) throws(InitrdError) {
        if let interpreter = try image(path).interpreter { throw .agentNotStatic(path: path, interpreter: interpreter) }
        try add(.program(path), at: "/init")
    }

    private mutating func addBusybox(_ path: String) throws(InitrdError) {
        let libraries = try addProgram(path, at: "/bin/busybox")
        let bytes = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.read(path) }
        if let names = BusyboxApplets.names(in: bytes) {
            try add(.bytes(Array(names.map { $0 + "\n" }.joined().utf8)), at: "/lib/busybox-applets")
        }
        guard !libraries.isEmpty else { return }
        plan.notes.append(
            "\(path) is not static: its \(libraries.count) libraries go into the initrd too, and it will not run in a guest's own "
                + "root; install busybox-static or give a static one with --busybox")
    }

    /// Adds a program with all it needs to run.
    private mutating func addProgram(_ path: String, at destination: String) throws(InitrdError) -> [Library] {
        let image = try image(path)
        try add(.program(path), at: destination)
        let libraries = try InitrdError.wrapping(InitrdError.libraries) { () throws(LibraryError) in
            try LibraryClosure.of(image, file: path, destination: destination)
        }
        for library in libraries {
            try add(.program(library.file), at: library.destination)
            guard library.needsCache else { continue }
            // Without the host's cache the loader would not look there: a link where it always looks.
            for directory in ["/lib", "/lib64"] {
                let link = "\(directory)/\(HostPath.name(of: library.destination))"
                if plan.entries[link] == nil { try add(.symlink(library.destination), at: link) }
            }
        }
        return libraries
    }

    private mutating func addModules(
        _ modules: ModuleSet, from tree: ModuleTree, _ signatures: InitrdDescription.SignaturePlace
    ) throws(InitrdError) {
        plan.modules = try InitrdError.wrapping(InitrdError.modules) { () throws(ModuleError) in
            try tree.loadOrder(of: modules.names(in: tree))
        }
        for module in plan.modules {
            let destination = "/lib/modules/\(module.guestName)"
            switch signatures {
            case .inModule: try add(.module(module), at: destination)
            case .apart:
                try add(.unsignedModule(module), at: destination)
                try add(.moduleSignature(module), at: "\(destination).sig")
            }
        }
        let order = plan.modules.map { $0.guestName + "\n" }.joined()
        try add(.bytes(Array(order.utf8)), at: "/lib/modules/order")
    }

    /// Adds a file, or a directory with all that is in it, in place of what is there. A directory that is there keeps its
    /// permissions; the root is always there.
    private mutating func addAddition(_ addition: InitrdDescription.Addition) throws(InitrdError) {
        guard HostPath.isDirectory(addition.source) else {
            plan.entries[try normalise(addition.destination)] = .file(addition.source)
            return
        }
        let isRoot = addition.destination.pathParts.allSatisfy { $0 == "." }
        if !isRoot {
            let destination = try normalise(addition.destination)
            switch plan.entries[destination] {
            case .directory: break
            default: plan.entries[destination] = .directory(permissions: HostPath.permissions(addition.source) ?? 0o755)
            }
        }
        for entry in HostPath.entries(in: addition.source) {
            let source = "\(addition.source)/\(entry.name)"
            let inner = try normalise("\(addition.destination)/\(entry.name)")
            if let target = HostPath.linkTarget(source) {
                plan.entries[inner] = .symlink(target)
            } else if entry.isDirectory {
                try addAddition(.init(source: source, destination: inner))
            } else {
                plan.entries[inner] = .file(source)
            }
        }
    }

    private mutating func add(_ source: InitrdPlan.Source, at path: String) throws(InitrdError) {
        let destination = try normalise(path)
        if let present = plan.entries[destination], present != source {
            throw .conflict(destination: destination, first: present.path ?? "another entry", second: source.path ?? "an entry")
        }
        plan.entries[destination] = source
    }

    private func normalise(_ path: String) throws(InitrdError) -> String {
        try InitrdError.wrapping(InitrdError.archive) { () throws(ArchiveError) in "/" + (try Archive.normalise(path)) }
    }

    private func image(_ path: String) throws(InitrdError) -> ELFImage {
        let bytes = try InitrdError.wrapping(InitrdError.file) { () throws(FileError) in try HostFile.read(path) }
        do throws(ELFError) { return try ELFImage(bytes) } catch { throw .notAProgram(path: path, cause: error) }
    }
}

extension InitrdDescription {
    /// Finds everything that the initrd needs.
    ///
    /// - Throws: `InitrdError` for the first thing that is missing or wrong.
    public func plan() throws(InitrdError) -> InitrdPlan { try InitrdPlanner.plan(self) }
}
