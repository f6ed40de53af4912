/// A network of VMs, as data: what `vm up` starts.
public struct NetworkDescription: Equatable, Sendable {
    /// The VMs. A VM's place in the list, counted from 1, is its number in every network: see `VLANAddress`.
    public var vms: [VMDescription]
    /// Whether each VM has a socket in the user's directory through which it can be entered.
    public var hasBackdoor: Bool

    /// Makes a network from its parts.
    public init(vms: [VMDescription], hasBackdoor: Bool = true) {
        self.vms = vms
        self.hasBackdoor = hasBackdoor
    }

    /// The numbers of the networks between the VMs, each once, in order.
    public var vlans: [Int] { Set(vms.flatMap(\.vlans)).sorted() }
}

/// One VM of a network. What is nil or empty is left to the default of `vm run`.
public struct VMDescription: Equatable, Sendable {
    /// Its name, and that of its socket.
    public var name: String
    /// The networks that it has a card on: `eth1` on the first, and so on.
    public var vlans: [Int] = [1]
    /// The kernel image.
    public var kernel: String?
    /// The initrd.
    public var initrd: String?
    /// The kernel's modules.
    public var modules: String?
    /// Whether it boots through a boot loader.
    public var hasBootLoader = false
    /// Whether its firmware is UEFI.
    public var hasEFI = false
    /// Whether it has a TPM.
    public var hasTPM = false
    /// Memory in MiB.
    public var memorySize: Int?
    /// Virtual processors.
    public var cores: Int?
    /// The disk image, as `vm run` takes it.
    public var diskImage: String?
    /// The size of a disk that is made, in MiB.
    public var diskSize: Int?
    /// The sizes in MiB of empty disks that are made for each run.
    public var emptyDiskImages: [Int] = []
    /// Whether the disk is dropped at the end.
    public var isEphemeral = false
    /// What the root is, as `vm run --root` takes it.
    public var root: String?
    /// How directories are shared, as `vm run --share` takes it.
    public var share: String?
    /// Directories of the host's in the guest, as `vm run --mount` takes them.
    public var mounts: [String] = []
    /// Whether there is a window.
    public var graphics = false
    /// The directory that the guest sees as `/nix/store`, or `none`.
    public var store: String?
    /// The system whose init is run.
    public var system: String?
    /// Whether the guest can write to its store.
    public var writableStore = false
    /// Whether what it writes there is in memory, and not on its disk.
    public var isWritableStoreInMemory = true
    /// Store paths and files with registrations.
    public var pathsInNixDB: [String] = []
    /// Ports of the host that lead to ports of the guest, as `vm run --forward` takes them.
    public var forwards: [String] = []
    /// Whether the guest reaches nothing but the other VMs; nil for the default.
    public var restrictNetwork: Bool?
    /// Words for the kernel command line.
    public var kernelParameters: [String] = []
    /// QEMU's own arguments.
    public var qemuOptions: [String] = []
    /// `kvm`, `tcg` or `auto`.
    public var accelerator: String?

    /// A VM with nothing but a name.
    public init(name: String) { self.name = name }
}
