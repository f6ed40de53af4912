public import ArgumentParser
import Foundation
import HostShares
import InitrdBuilder

/// How directories of the host's reach the guest (`--share`).
enum ShareChoice: String, ExpressibleByArgument, CaseIterable {
    /// SMB1 with UNIX extensions, as in 2010: on every kernel with `cifs.ko`, without root.
    case cifs
    /// QEMU's own 9p server: without root, on kernels that have 9p.
    case plan9 = "9p"
    /// virtiofsd: the fastest; needs root.
    case virtiofs
    /// The fastest of them that works here.
    case auto

    /// The kernel's modules that it needs.
    var modules: ModuleSet {
        switch self {
        case .cifs, .auto: .cifs
        case .plan9: .plan9
        case .virtiofs: .virtiofs
        }
    }

    /// What `auto` comes to, and why, as a sentence; itself and nil for the others.
    func resolved(_ tree: ModuleTree?) -> (choice: ShareChoice, note: String?) {
        guard self == .auto else { return (self, nil) }
        guard let tree else { return (.cifs, "sharing files over CIFS: nobody knows what else the given initrd has") }
        var reasons: [String] = []
        func kernelHas(_ module: String) -> Bool { tree.contains(module) }
        if geteuid() != 0 {
            reasons.append("virtiofs needs root")
        } else if (try? VirtiofsShare.findServer(searchPath: Self.path)) == nil {
            reasons.append("there is no virtiofsd for virtiofs")
        } else if !kernelHas("virtiofs") {
            reasons.append("the kernel has no module virtiofs")
        } else {
            return (.virtiofs, "sharing files over virtiofs, the fastest way that there is here")
        }
        if kernelHas("9p"), kernelHas("9pnet_virtio") {
            return (.plan9, "sharing files over 9p: \(reasons.joined(separator: ", "))")
        }
        reasons.append("the kernel has no module 9p")
        return (.cifs, "sharing files over CIFS: \(reasons.joined(separator: ", "))")
    }

    /// The service for `shares`, prepared.
    func service(for shares: [ShareDescription], _ files: RuntimeDirectory) throws -> any ShareService {
        let service: any ShareService =
            switch self {
            case .cifs, .auto:
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

    private static var path: String { ProcessInfo.processInfo.environment["PATH"] ?? "" }
}
