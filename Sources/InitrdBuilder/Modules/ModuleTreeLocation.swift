extension ModuleTree {
    /// Finds the modules in a directory that a person gave: `lib/modules/RELEASE` itself, `lib/modules`, or the root (such
    /// as `/` or an unpacked package) that it is below.
    ///
    /// - Parameters:
    ///   - path: the directory.
    ///   - release: the kernel release that the modules must be for; nil to take the only one.
    /// - Throws: `noTree`, `severalReleases`, `noSuchRelease`, `unreadable`.
    public static func locate(_ path: String, release: String? = nil) throws(ModuleError) -> ModuleTree {
        let directory = HostPath.canonicalPath(path) ?? path
        if isTree(directory) {
            let own = HostPath.name(of: directory)
            // A tree may have been copied under another name; then the name says nothing about the kernel.
            if let release, own != release, own.first?.isNumber == true {
                throw .noSuchRelease(release, available: [own], directory: path)
            }
            return try ModuleTree(directory: directory, release: own)
        }
        let parents = ["lib/modules", "usr/lib/modules"].map { "\(directory == "/" ? "" : directory)/\($0)" } + [directory]
        for parent in parents {
            let releases = HostPath.entries(in: parent).map(\.name).filter { isTree("\(parent)/\($0)") }
            guard let first = releases.first else { continue }
            if let release {
                guard releases.contains(release) else { throw .noSuchRelease(release, available: releases, directory: path) }
                return try ModuleTree(directory: "\(parent)/\(release)", release: release)
            }
            guard releases.count == 1 else { throw .severalReleases(releases, directory: path) }
            return try ModuleTree(directory: "\(parent)/\(first)", release: first)
        }
        throw .noTree(
            directory: path,
            searched: ["\(path)/kernel", "\(path)/modules.dep"] + parents.map { "\($0)/*/kernel" })
    }

    private static func isTree(_ directory: String) -> Bool {
        // `kernel` alone is not enough: a root may have a directory of that name.
        guard HostPath.isDirectory(directory) else { return false }
        if HostPath.exists("\(directory)/modules.dep") || HostPath.exists("\(directory)/modules.order") { return true }
        return HostPath.isDirectory("\(directory)/kernel") && !HostPath.isDirectory("\(directory)/lib")
            && !HostPath.isDirectory("\(directory)/boot")
    }
}
