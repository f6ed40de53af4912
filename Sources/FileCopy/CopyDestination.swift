internal import AgentProtocol
internal import LinuxSystem

/// Where a receiver puts what it gets, as `cp` understands it: a directory that is there takes the copy in under its own name,
/// anything else is the copy's name.
public struct CopyDestination: Sendable {
    /// A path of this machine.
    public var path: [UInt8]
    /// The name that the copy has inside a directory; nil when it has none, and its entries come into the directory itself.
    public var name: [UInt8]?
    /// `path` must be a directory that is there.
    public var needsDirectory: Bool
    /// Files get the owner and group that they had, by number.
    public var keepsOwner: Bool
    /// Files that keep their owner also keep set-user-ID and set-group-ID.
    public var keepsSetID: Bool
    /// Whether `path` itself may be a symbolic link. Not where the sender is no friend: it may have made that link in an earlier
    /// copy, and would choose with it what is overwritten.
    public var followsLink: Bool

    /// Makes a destination from its parts.
    public init(
        path: [UInt8], name: [UInt8]?, needsDirectory: Bool = false, keepsOwner: Bool = false, keepsSetID: Bool = false,
        followsLink: Bool = true
    ) {
        self.path = path
        self.name = name
        self.needsDirectory = needsDirectory
        self.keepsOwner = keepsOwner
        self.keepsSetID = keepsSetID
        self.followsLink = followsLink
    }

    private static let slash = UInt8(ascii: "/")

    /// A directory that is open, the bytes that its entries' paths begin with, and the name in it that the copy gets; without a
    /// name the copy's entries come into the directory itself.
    struct Place {
        var directory: OpenDirectory
        var prefix: [UInt8]
        var name: FileName?
    }

    /// Finds the place for a directory, or for anything else.
    func place(forDirectory isDirectory: Bool) throws(CopyFault) -> Place {
        let path = path.isEmpty ? [UInt8(ascii: ".")] : path
        if !followsLink, case .symbolicLink? = try? OpenDirectory.working.status(of: FileName(path)).kind {
            throw CopyFault(
                path, "is a symbolic link, perhaps of the guest's making: name what it leads to, or end the path of a directory with '/'")
        }
        let status: FileStatus
        do throws(Errno) {
            status = try OpenDirectory.working.status(of: FileName(path), followsLinks: true)
        } catch {
            guard error == .noSuchFile else { throw CopyFault(path, "", error) }
            return try newPlace(path, isDirectory)
        }
        switch status.kind {
        case .directory: return try placeInside(path, isDirectory)
        case .special(let what): throw CopyFault(path, special: what)
        case _ where isDirectory || needsDirectory: throw CopyFault(path, "is not a directory")
        case .file, .symbolicLink:
            // Where the user's own word for a file is a link, the file is meant.
            let resolved = try CopyFault.wrapping(path) { () throws(Errno) in try FileName(path).resolved() }
            return try placeBeside(resolved.bytes)
        }
    }

    private func placeInside(_ path: [UInt8], _ isDirectory: Bool) throws(CopyFault) -> Place {
        guard name != nil || isDirectory else { throw CopyFault(path, "is a directory; name the file in it that is to be written") }
        let directory = try CopyFault.wrapping(path) { () throws(Errno) in
            try OpenDirectory.working.directory(FileName(path), followsLinks: true)
        }
        let prefix = path.last == CopyDestination.slash ? path : path + [CopyDestination.slash]
        return Place(directory: directory, prefix: prefix, name: name.map { FileName($0) })
    }

    /// `path` leads to nothing: it is the copy's name.
    private func newPlace(_ path: [UInt8], _ isDirectory: Bool) throws(CopyFault) -> Place {
        guard !needsDirectory, isDirectory || path.last != CopyDestination.slash else {
            throw CopyFault(path, "no such directory")
        }
        var own = path[...]
        while own.count > 1, own.last == CopyDestination.slash { own.removeLast() }
        if (try? OpenDirectory.working.status(of: FileName(Array(own)))) != nil {
            throw CopyFault(path, "is a symbolic link that leads to nothing")
        }
        return try placeBeside(Array(own))
    }

    private func placeBeside(_ path: [UInt8]) throws(CopyFault) -> Place {
        let nameStart = path.lastIndex(of: CopyDestination.slash).map { $0 + 1 } ?? 0
        let (prefix, own) = (Array(path[..<nameStart]), path[nameStart...])
        guard CopyEntry.isName(own) else { throw CopyFault(path, "no such directory") }
        let directory = try CopyFault.wrapping(prefix) { () throws(Errno) in
            try OpenDirectory.working.directory(prefix.isEmpty ? FileName(".") : FileName(prefix), followsLinks: true)
        }
        return Place(directory: directory, prefix: prefix, name: FileName(Array(own)))
    }
}
