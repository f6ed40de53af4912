public import ArgumentParser
import Foundation
import HostShares

/// What the guest's files are, beside the store.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the guest's root is: disk; tmpfs, without a disk; or host, this machine's own tree, read-only under a tmpfs: the guest "
                + "runs this machine's programs, and a command keeps its directory, user and environment.", valueName: "kind"))
    var root: RootKind = .disk

    @Option(
        help: ArgumentHelp(
            "How this machine's directories reach the guest: cifs, 9p, virtiofs, or auto, the fastest that works.",
            valueName: "kind"))
    var share: ShareChoice = .auto

    @Option(
        help: ArgumentHelp(
            "Show a directory of this machine in the guest, read-only, or writable with ':rw' at the end: HOST_DIR:GUEST_DIR[:rw]; may be "
                + "repeated.", valueName: "dirs"), completion: .directory)
    var mount: [MountedDirectory] = []

    func validate() throws {
        let twice = Dictionary(grouping: mount) { $0.guest.split(separator: "/") }.first { $1.count > 1 }
        if let twice = twice?.value.first { throw ValidationError("--mount: two directories are to be \(twice.guest) in the guest.") }
    }
}

/// What the guest's root is.
enum RootKind: String, ExpressibleByArgument, CaseIterable {
    /// A disk, formatted when it is empty.
    case disk
    /// Memory.
    case tmpfs
    /// The host's own root.
    case host
}

/// A directory of the host's, and where the guest has it.
struct MountedDirectory: ExpressibleByArgument, Equatable {
    /// Its absolute path on the host.
    let host: String
    /// Its absolute path in the guest.
    let guest: String
    let isWritable: Bool

    /// Reads `HOST_DIR:GUEST_DIR[:rw|:ro]`.
    init?(argument: String) {
        var parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var isWritable = false
        if parts.count == 3, let last = parts.last, ["rw", "ro"].contains(last) {
            isWritable = last == "rw"
            parts.removeLast()
        }
        guard parts.count == 2, !parts[0].isEmpty, parts[1].hasPrefix("/"), Set(parts[1]) != ["/"] else { return nil }
        // A word of the kernel command line carries it.
        guard !parts[1].contains(where: { $0.isWhitespace || $0 == "\"" }), !parts[1].split(separator: "/").contains("..") else {
            return nil
        }
        host = URL(fileURLWithPath: parts[0]).standardizedFileURL.path
        guest = parts[1]
        self.isWritable = isWritable
    }
}
