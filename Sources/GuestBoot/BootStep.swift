public import LinuxSystem

/// One step of a boot plan. What it does is in `Steps/`, in the file of the same name.
public enum BootStep: Equatable, Sendable {
    /// Loads the initrd's kernel modules, in the order of `/lib/modules/order`.
    case loadModules
    /// Puts the initrd's busybox into `/run/vm-agent/bin`, where it outlives the switch.
    case installTools
    /// Takes another clock source when `wanted` says so or the 2010 workaround applies.
    case setClockSource(wanted: String?)
    /// Gives `interface` the address 10.0.2.15/24, and the link its network.
    case bringUpNetwork(interface: String)
    /// Gives the cards on the networks between VMs their addresses.
    case bringUpVLANs([InterfaceAddress])
    /// Formats `device` when it is proved empty, or as the policy says.
    case formatEmptyDisk(device: String, filesystem: DiskFilesystem, when: FormatPolicy = .empty)
    /// Mounts `device` as the root to be.
    case mountRoot(device: String)
    /// Makes a tmpfs the root to be.
    case mountMemoryRoot
    /// Makes a tree of the host's the root to be, with a tmpfs over it.
    case mountSharedRoot(ShareSource)
    /// Mounts the host's share on `/hostfs`, and other shares below it.
    case mountHostFiles(share: String, others: [MountedShare])
    /// Shows `/hostfs/nix/store` read-only as `/nix/store`.
    case bindStore
    /// Lays a tmpfs, or a directory of the root, over `/nix/store`, so that the guest can write and the host's stays untouched.
    case overlayStore(onDisk: Bool)
    /// Mounts directories of the host's where the guest is to have them.
    case mountShares([SharedDirectory])
    /// Makes `/boot`.
    case makeBootDirectory
    /// Mounts the boot disk with this serial number on `/boot`.
    case mountBootDisk(serial: String)
    /// Writes the other VMs' names into `/etc/hosts`.
    case nameHosts
    /// Names the name server where the root names none.
    case setNameServer(IPv4Address)
    /// Makes the root to be the root.
    case switchRoot
    /// Loads the registration into the guest's Nix database.
    case registerStorePaths(registration: String, nixStore: String?)
    /// Becomes the real init.
    case enterInit(path: String)

    /// The step's name, in reports and in `vm-agent plan`.
    public var name: String {
        switch self {
        case .loadModules: "load-modules"
        case .installTools: "install-tools"
        case .setClockSource: "clock-source"
        case .bringUpNetwork: "network"
        case .bringUpVLANs: "vlans"
        case .formatEmptyDisk: "format-empty-disk"
        case .mountRoot, .mountMemoryRoot, .mountSharedRoot: "mount-root"
        case .mountHostFiles: "mount-host-files"
        case .bindStore: "bind-store"
        case .overlayStore: "overlay-store"
        case .mountShares: "mount-shares"
        case .makeBootDirectory: "boot-directory"
        case .mountBootDisk: "mount-boot-disk"
        case .nameHosts: "name-hosts"
        case .setNameServer: "name-server"
        case .switchRoot: "switch-root"
        case .registerStorePaths: "register-store-paths"
        case .enterInit: "enter-init"
        }
    }

    /// What the step works on, for people.
    public var arguments: String {
        switch self {
        case .loadModules, .installTools, .bindStore, .makeBootDirectory, .nameHosts, .switchRoot: ""
        case .overlayStore(let onDisk): onDisk ? "disk" : ""
        case .setClockSource(let wanted): wanted ?? "auto"
        case .bringUpNetwork(let interface): interface
        case .setNameServer(let address): address.text
        case .bringUpVLANs(let interfaces): interfaces.map { $0.name + ":" + $0.text }.joined(separator: " ")
        case .formatEmptyDisk(let device, let filesystem, let policy):
            "\(device) \(filesystem.rawValue)" + (policy == .empty ? "" : " \(policy.rawValue)")
        case .mountRoot(let device): device
        case .mountBootDisk(let serial): serial
        case .mountMemoryRoot: "tmpfs"
        case .mountSharedRoot(let source): source.text
        case .mountShares(let mounts):
            mounts.map { $0.source.text + ":" + $0.directory + ($0.isWritable ? " writable" : "") }.joined(separator: " ")
        case .mountHostFiles(let share, let others):
            share + others.map { " \($0.name):\($0.directory)" }.joined()
        case .registerStorePaths(let registration, let nixStore): registration + (nixStore.map { " with \($0)" } ?? "")
        case .enterInit(let path): path
        }
    }
}

/// Why a step failed: a sentence with object, action, cause and way out.
public struct StepFailure: Error, Equatable, Sendable {
    /// The sentence.
    public var text: String
    /// Makes a failure from its sentence.
    public init(_ text: String) { self.text = text }
}

/// What a step did.
public struct StepResult: Equatable, Sendable {
    /// What it found or did; one line.
    public var detail: String
    /// Something in it failed that the boot can do without.
    public var isWarning = false

    static func done(_ detail: String = "") -> StepResult { StepResult(detail: detail) }
    static func warning(_ detail: String) -> StepResult { StepResult(detail: detail, isWarning: true) }
}
