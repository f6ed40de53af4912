/// Why the modules for an initrd could not be gathered.
public enum ModuleError: Error, Equatable, Sendable {
    /// The directory that was given holds no modules; `searched` are the places that were looked at.
    case noTree(directory: String, searched: [String])
    /// It holds the modules of several kernels, and none was asked for.
    case severalReleases([String], directory: String)
    /// It holds modules, but not those of the kernel that was asked for.
    case noSuchRelease(String, available: [String], directory: String)
    /// No module has this name.
    case notFound(name: String, neededBy: String?, directory: String, hasBuiltinList: Bool)
    /// The modules need each other in a circle.
    case cycle([String])
    /// The module is compressed in a way that is not read here.
    case unsupportedCompression(path: String)
    /// The file is not what a module looks like.
    case damaged(path: String, cause: String)
    /// The file cannot be read.
    case unreadable(FileError)
}

extension ModuleError: CustomStringConvertible {
    /// One sentence with the cause and the way out.
    public var description: String {
        switch self {
        case .noTree(let directory, let searched):
            "\(directory) holds no kernel modules: looked for \(searched.joined(separator: ", ")); give the directory "
                + "lib/modules/RELEASE of the kernel, or the root that it is below"
        case .severalReleases(let releases, let directory):
            "\(directory) holds the modules of several kernels (\(releases.joined(separator: ", "))); give the directory of one of "
                + "them, or name the kernel file"
        case .noSuchRelease(let release, let available, let directory):
            "\(directory) holds modules for \(available.joined(separator: ", ")), but the kernel is \(release); give the modules "
                + "that belong to it"
        case .notFound(let name, let dependent, let directory, let hasBuiltinList):
            "there is no module \(name)" + (dependent.map { ", which \($0) needs," } ?? "") + " in \(directory)"
                + (hasBuiltinList
                    ? ", and it is not built into the kernel either; check the name, or use a kernel that has it"
                    : ", and no modules.builtin that would say whether it is built into the kernel; check the name, or give the "
                        + "kernel package's whole directory")
        case .cycle(let names): "the modules \(names.joined(separator: " -> ")) need each other in a circle; run depmod on their directory"
        case .unsupportedCompression(let path):
            "cannot read the module \(path): only plain and zstd-compressed modules are read; decompress it (xz -d or gunzip) and "
                + "run depmod"
        case .damaged(let path, let cause): "cannot read the module \(path): \(cause); install the kernel's package again"
        case .unreadable(let error): "\(error)"
        }
    }
}
