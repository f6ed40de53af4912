/// What an initrd is to hold. Paths are those of the host unless they say otherwise.
public struct InitrdDescription: Equatable, Sendable {
    /// A file or a tree of the host that goes into the initrd as it is.
    public struct Addition: Equatable, Sendable {
        /// The file on the host; a directory adds all that is in it.
        public var source: String
        /// Its absolute path in the guest.
        public var destination: String

        /// Makes an addition from its parts.
        public init(source: String, destination: String) {
            self.source = source
            self.destination = destination
        }

        /// Reads `SOURCE:DESTINATION`, or `SOURCE` alone for the same path in the guest. Nil when a part is empty or the
        /// destination is not absolute.
        public init?(parsing text: String) {
            let colon = text.lastIndex(of: ":")
            source = String(text[..<(colon ?? text.endIndex)])
            destination = colon.map { String(text[text.index(after: $0)...]) } ?? source
            guard !source.isEmpty, destination.hasPrefix("/") else { return nil }
        }
    }

    /// Where a module's signature goes.
    public enum SignaturePlace: Equatable, Sendable {
        /// At the module's end, as on the host: the kernel checks it.
        case inModule
        /// Beside the module, as `NAME.ko.sig`: the kernel loads what is not signed and checks nothing, and marks itself as tainted
        /// (`E`). The agent joins the two for a kernel that takes only signed modules.
        case apart
    }

    /// The static `vm-agent` that becomes `/init`.
    public var agent: String
    /// The `mke2fs` that formats empty disks; it goes to `/sbin/mke2fs`, with its libraries. Nil to leave it out.
    public var mke2fs: String?
    /// `mke2fs`'s configuration; it goes to `/etc/mke2fs.conf`. Nil to leave it out.
    public var mke2fsConfiguration: String?
    /// The `e2fsck` that mends a filesystem before it is mounted; it goes to `/sbin/e2fsck`, with its libraries, which are those of
    /// `mke2fs`. Nil to leave it out.
    public var e2fsck: String?
    /// The static busybox that gives every guest a shell; it goes to `/bin/busybox`. Nil to leave it out.
    public var busybox: String?
    /// The kernel's modules; nil for a kernel that needs none.
    public var moduleTree: ModuleTree?
    /// The modules to load, in this order, each after what it needs.
    public var modules: ModuleSet
    /// Where the modules' signatures go.
    public var signatures: SignaturePlace
    /// More files, in place of what else would be at their destinations.
    public var additions: [Addition]

    /// Makes a description from its parts.
    public init(
        agent: String, mke2fs: String? = nil, mke2fsConfiguration: String? = nil, e2fsck: String? = nil, busybox: String? = nil,
        moduleTree: ModuleTree? = nil, modules: ModuleSet = .standard, signatures: SignaturePlace = .inModule, additions: [Addition] = []
    ) {
        self.agent = agent
        self.mke2fs = mke2fs
        self.mke2fsConfiguration = mke2fsConfiguration
        self.e2fsck = e2fsck
        self.busybox = busybox
        self.moduleTree = moduleTree
        self.modules = modules
        self.signatures = signatures
        self.additions = additions
    }
}
