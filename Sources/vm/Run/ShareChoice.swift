import ArgumentParser
import Foundation
import HostShares
import InitrdBuilder

/// How the host's files reach the guest, as it was asked for (`--share`).
enum ShareChoice: String, ExpressibleByArgument, CaseIterable {
    /// See `DirectoryShare`.
    case cifs
    /// See `DirectoryShare`.
    case plan9 = "9p"
    /// See `DirectoryShare`.
    case virtiofs
    /// The store as an EROFS image of what the guest needs of it; directories in the fastest way that works here.
    case image
    /// The fastest that works here.
    case auto

    /// What it comes to with these modules; nil when nobody knows what the given initrd has.
    func resolved(_ tree: ModuleTree?) -> ShareKinds {
        switch self {
        case .cifs: ShareKinds(directories: .cifs)
        case .plan9: ShareKinds(directories: .plan9)
        case .virtiofs: .virtiofs
        case .auto: ShareKinds.fastest(tree)
        case .image: ShareKinds.fastest(tree).withStoreImage
        }
    }
}

/// What a choice has come to.
struct ShareKinds {
    /// How directories reach the guest; the store, too, unless that is an image.
    var directories: DirectoryShare
    /// Whether the store is an EROFS image.
    var isStoreImage = false
    /// Why it is this one, as a sentence, where the user has not said it.
    var note: String?
    /// How many files virtiofsd may open, where the user has said virtiofs and that is not enough for a large tree.
    var narrowLimit: OpenFileLimit?

    /// virtiofs, because the user has said so.
    static var virtiofs: ShareKinds {
        let limit = OpenFileLimit.ofThisProcess()
        return ShareKinds(directories: .virtiofs, narrowLimit: limit.isEnough ? nil : limit)
    }

    /// The fastest that works here, and why.
    static func fastest(_ tree: ModuleTree?) -> ShareKinds {
        let choice = FastestShare(
            isRoot: geteuid() == 0, hasVirtiofsd: (try? VirtiofsShare.findServer(searchPath: DirectoryShare.path)) != nil,
            openFiles: .ofThisProcess(), kernelHas: tree.map { tree in { tree.contains($0) } }
        ).choice
        return ShareKinds(directories: choice.share, note: choice.note)
    }

    /// The same for directories, with the store as an image.
    var withStoreImage: ShareKinds {
        var kinds = self
        kinds.isStoreImage = true
        return kinds
    }

    /// This, as far as `files` asks for it.
    func used(by files: FileOptions) -> (modules: ModuleSet, note: String?, narrowLimit: OpenFileLimit?) {
        let hasDirectories = !isStoreImage || files.root == .host || !files.mount.isEmpty
        let image = isStoreImage ? ModuleSet.image : ModuleSet([])
        guard hasDirectories else { return (image, nil, nil) }
        return (image.adding(directories.modules), note, narrowLimit)
    }
}

extension DirectoryShare {
    /// The kernel's modules that it needs.
    var modules: ModuleSet {
        switch self {
        case .cifs: .cifs
        case .plan9: .plan9
        case .virtiofs: .virtiofs
        }
    }

    /// The service for `shares`, prepared.
    func service(for shares: [ShareDescription], _ files: RuntimeDirectory) throws -> any ShareService {
        let service: any ShareService =
            switch self {
            case .cifs:
                SambaShare(shares: shares, directory: files.file("samba"), server: try SambaShare.findServer(searchPath: Self.path))
            case .plan9: Plan9Share(shares: shares)
            case .virtiofs:
                VirtiofsShare(
                    shares: shares, directory: files.file("fs"), server: try VirtiofsShare.findServer(searchPath: Self.path),
                    limit: .ofThisProcess())
            }
        if self == .virtiofs, geteuid() != 0 {
            throw Failure("--share virtiofs: virtiofsd needs root; run vm as root, or give --share cifs or 9p")
        }
        try service.prepare()
        return service
    }

    static var path: String { ProcessInfo.processInfo.environment["PATH"] ?? "" }
}
