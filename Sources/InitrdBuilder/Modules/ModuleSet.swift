/// The modules that an initrd loads, by name, in this order; what they need comes with them.
public struct ModuleSet: Equatable, Sendable {
    /// One module of a set.
    public struct Member: Equatable, Sendable {
        /// Its name, with `-` or `_`.
        public var name: String
        /// False for one that a kernel may lack: it is then left out.
        public var isRequired: Bool

        /// Makes a member from its parts.
        public init(_ name: String, isRequired: Bool = true) {
            self.name = name
            self.isRequired = isRequired
        }
    }

    /// The members in load order.
    public var members: [Member]

    /// Makes a set from its members.
    public init(_ members: [Member]) { self.members = members }

    /// What a guest needs to boot, and for every kind of link. Every module costs about 20 ms of boot time
    /// under TCG, so each has its reason here.
    public static let links = ModuleSet([
        // Entropy, before anything can wait for it: `mke2fs` alone waits 3 s for the UUID's random bytes without it.
        Member("virtio_pci"),
        Member("virtio_rng", isRequired: false),
        // The launcher's settings and the link's token (`/sys/firmware/qemu_fw_cfg`).
        Member("qemu_fw_cfg", isRequired: false),
        // The link's and the shares' network, and the disk.
        Member("virtio_net"),
        Member("virtio_blk"),
        // The root disk's filesystem, which Debian's cloud kernel has in itself and the one for every machine has not.
        Member("ext4", isRequired: false),
        // The fast link.
        Member("virtio_console", isRequired: false),
    ])

    /// The host's files over CIFS. Their names are UTF-8: without its table the kernel takes them for ISO 8859-1.
    public static let cifs = ModuleSet([Member("nls_utf8", isRequired: false), Member("cifs")])
    /// The host's files over virtiofs.
    public static let virtiofs = ModuleSet([Member("virtiofs")])
    /// The host's files over 9p.
    public static let plan9 = ModuleSet([Member("9pnet_virtio"), Member("9p")])
    /// An image of the host's files.
    public static let image = ModuleSet([Member("erofs")])
    /// The writable store, or root, on top of them.
    public static let overlay = ModuleSet([Member("overlay")])

    /// What a guest needs to boot from the host's files as in 2010.
    public static let standard = links.adding(cifs).adding(overlay)

    /// What a guest needs for every way in which the host's files can reach it.
    public static let everyShare = links.adding(cifs).adding(virtiofs).adding(plan9).adding(image).adding(overlay)

    /// This set with another one behind it.
    public func adding(_ other: ModuleSet) -> ModuleSet { ModuleSet(members + other.members) }

    /// This set with more required modules behind its own.
    public func adding(_ names: [String]) -> ModuleSet {
        ModuleSet(members + names.map { Member($0) })
    }

    /// The names to load from `tree`: the required ones, and of the others those it has.
    func names(in tree: ModuleTree) -> [String] {
        members.filter { $0.isRequired || tree.contains($0.name) }.map(\.name)
    }
}
