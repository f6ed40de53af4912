/// How directories of the host's reach the guest.
public enum DirectoryShare: Sendable {
    /// SMB1 with UNIX extensions, as in 2010: on every kernel with `cifs.ko`, without root.
    case cifs
    /// QEMU's own 9p server: without root, on kernels that have 9p.
    case plan9
    /// virtiofsd: the fastest; needs root, and an open file for each that the guest knows.
    case virtiofs
}

/// What decides which way of sharing directories is the fastest that works.
///
/// An image is no candidate: it has only what is registered, and is made anew for each change of that.
public struct FastestShare {
    /// Whether servers run as root.
    public var isRoot: Bool
    /// Whether there is a virtiofsd.
    public var hasVirtiofsd: Bool
    /// How many files it may open.
    public var openFiles: OpenFileLimit
    /// Whether the guest has the module of that name; nil when nobody knows what the given initrd has.
    public var kernelHas: ((String) -> Bool)?

    /// A decision from these facts.
    public init(isRoot: Bool, hasVirtiofsd: Bool, openFiles: OpenFileLimit, kernelHas: ((String) -> Bool)?) {
        (self.isRoot, self.hasVirtiofsd) = (isRoot, hasVirtiofsd)
        (self.openFiles, self.kernelHas) = (openFiles, kernelHas)
    }

    /// The fastest, and a sentence that says which and why.
    public var choice: (share: DirectoryShare, note: String) {
        guard let kernelHas else { return (.cifs, "sharing files over CIFS: nobody knows what else the given initrd has") }
        var reasons: [String] = []
        if !isRoot {
            reasons.append("virtiofs needs root")
        } else if !hasVirtiofsd {
            reasons.append("there is no virtiofsd for virtiofs")
        } else if !kernelHas("virtiofs") {
            reasons.append("the kernel has no module virtiofs")
        } else if !openFiles.isEnough {
            reasons.append(openFiles.reason)
        } else {
            return (.virtiofs, "sharing files over virtiofs, the fastest way that there is here")
        }
        if kernelHas("9p"), kernelHas("9pnet_virtio") {
            return (.plan9, "sharing files over 9p: \(reasons.joined(separator: ", "))")
        }
        reasons.append("the kernel has no module 9p")
        return (.cifs, "sharing files over CIFS: \(reasons.joined(separator: ", "))")
    }
}
