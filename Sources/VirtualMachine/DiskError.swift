/// Why a file cannot be a VM's disk. Nothing was written to it.
public enum DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A directory, socket or other thing that holds no blocks.
    case notADisk(path: String, kind: String)
    /// The file is there but cannot be read and written by this user.
    case inaccessible(path: String, reason: String)
    /// The directory that should hold a new disk is missing.
    case noDirectory(path: String, directory: String)
    /// The directory that should hold a new disk cannot be written to.
    case directoryNotWritable(path: String, directory: String, reason: String)
    /// The file is no image that can be used: damaged, or in another format.
    case notAnImage(path: String, reason: String)
    /// Another process has the image open; `users` names it as far as this user may see.
    case inUse(path: String, users: [String])
    /// The host itself uses it: mounted, looped, swapped on.
    case usedByHost(path: String, how: String)
    /// A new disk could not be made.
    case cannotCreate(path: String, reason: String)

    /// What is wrong and what helps, for a person.
    public var description: String {
        switch self {
        case .notADisk(let path, let kind):
            "cannot use \(path) as a disk: it is a \(kind); give the path of a qcow2 or raw image, or of a file that does not exist yet"
        case .inaccessible(let path, let reason): "cannot open the disk \(path) for reading and writing: \(reason)"
        case .noDirectory(let path, let directory): "cannot make the disk \(path): there is no directory \(directory)"
        case .directoryNotWritable(let path, let directory, let reason):
            "cannot make the disk \(path): cannot write to the directory \(directory): \(reason)"
        case .notAnImage(let path, let reason): "cannot use \(path) as a disk: \(reason)"
        case .inUse(let path, let users):
            "the disk \(path) is in use by \(users.isEmpty ? "another process" : users.joined(separator: ", ")): "
                + "end that first, or give another --disk"
        case .usedByHost(let path, let how): "the disk \(path) is in use by this host: \(how); a VM would destroy what is on it"
        case .cannotCreate(let path, let reason): "cannot make the disk \(path): \(reason)"
        }
    }
}
