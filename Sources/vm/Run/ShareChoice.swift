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
        case .virtiofs: ShareKinds(directories: .virtiofs)
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

    /// The fastest that works here, and why.
    ///
    /// An image is no candidate: it has only what is registered, and is made anew for each change of that.
    static func fastest(_ tree: ModuleTree?) -> ShareKinds {
        guard let tree else {
            return ShareKinds(directories: .cifs, note: "sharing files over CIFS: nobody knows what else the given initrd has")
        }
        var reasons: [String] = []
        func kernelHas(_ module: String) -> Bool { tree.contains(module) }
        if geteuid() != 0 {
            reasons.append("virtiofs needs root")
        } else if (try? VirtiofsShare.findServer(searchPath: DirectoryShare.path)) == nil {
            reasons.append("there is no virtiofsd for virtiofs")
        } else if !kernelHas("virtiofs") {
            reasons.append("the kernel has no module virtiofs")
        } else {
            return ShareKinds(directories: .virtiofs, note: "sharing files over virtiofs, the fastest way that there is here")
        }
        if kernelHas("9p"), kernelHas("9pnet_virtio") {
            return ShareKinds(directories: .plan9, note: "sharing files over 9p: \(reasons.joined(separator: ", "))")
        }
        reasons.append("the kernel has no module 9p")
        return ShareKinds(directories: .cifs, note: "sharing files over CIFS: \(reasons.joined(separator: ", "))")
    }

    /// The same for directories, with the store as an image.
    var withStoreImage: ShareKinds {
        var kinds = self
        kinds.isStoreImage = true
        return kinds
    }

    /// This, as far as `files` asks for it.
    func used(by files: FileOptions) -> (modules: ModuleSet, note: String?) {
        let hasDirectories = !isStoreImage || files.root == .host || !files.mount.isEmpty
        let image = isStoreImage ? ModuleSet.image : ModuleSet([])
        return (hasDirectories ? image.adding(directories.modules) : image, hasDirectories ? note : nil)
    }
}

/// How directories of the host's reach the guest.
enum DirectoryShare {
    /// SMB1 with UNIX extensions, as in 2010: on every kernel with `cifs.ko`, without root.
    case cifs
    /// QEMU's own 9p server: without root, on kernels that have 9p.
    case plan9
    /// virtiofsd: the fastest; needs root.
    case virtiofs

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
                VirtiofsShare(shares: shares, directory: files.file("fs"), server: try VirtiofsShare.findServer(searchPath: Self.path))
            }
        if self == .virtiofs, geteuid() != 0 {
            throw Failure("--share virtiofs: virtiofsd needs root; run vm as root, or give --share cifs or 9p")
        }
        try service.prepare()
        return service
    }

    static var path: String { ProcessInfo.processInfo.environment["PATH"] ?? "" }
}
