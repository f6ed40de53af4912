/// One VM, as data: everything that decides how QEMU is called. JSON in and out; a missing key has the default of `init`.
///
/// Paths are the host's and should be absolute: QEMU is started in `runtimeDirectory`.
public struct MachineDescription: Codable, Equatable, Sendable {
    /// The guest's name, as `vm ps` and the socket file have it.
    public var name: String
    /// The kernel image (`bzImage`).
    public var kernel: String
    /// The initrd; nil boots the kernel without one.
    public var initrd: String?
    /// The words of the kernel command line, joined by single spaces.
    public var kernelParameters: [String]
    /// Memory in MiB.
    public var memoryMiB: Int
    /// Virtual CPUs.
    public var cores: Int
    /// What executes the guest's instructions.
    public var accelerator: Accelerator
    /// The root disk; nil for a guest without one.
    public var disk: Disk?
    /// The disk with a boot loader, kernel and initrd that the firmware boots in place of `kernel`; nil for none. What the guest writes to it
    /// is dropped. It comes after all other disks.
    public var bootDisk: Disk?
    /// UEFI; nil for QEMU's BIOS.
    public var efi: EFIFirmware?
    /// The socket of a TPM's emulator (swtpm); nil for a machine without one.
    public var tpmSocket: String?
    /// The one network card, on QEMU's user network.
    public var network: Network
    /// Disks after the root disk, `/dev/vdb` and on.
    public var extraDisks: [Disk]
    /// Cards on networks between VMs, `eth1` and on.
    public var vlans: [VLANCard]
    /// Directories of the host's as devices.
    public var filesystems: [Filesystem]
    /// Whether there is a window with a graphics card, keyboard and mouse.
    public var hasDisplay: Bool
    /// Byte streams between guest and host that need no network.
    public var serialPorts: [SerialPort]
    /// Files that the guest reads through fw_cfg.
    public var firmwareEntries: [FirmwareEntry]
    /// More of QEMU's own arguments, after all others.
    public var extraOptions: [String]
    /// A private directory (0700) of this run, made and removed by the caller. The QMP socket is in it.
    public var runtimeDirectory: String
    /// The QEMU program.
    public var qemu: String

    /// A disk image or block device.
    public struct Disk: Codable, Equatable, Sendable {
        /// Its path.
        public var path: String
        /// How the guest's blocks are stored in it. Always given to QEMU, which must not guess: a guest that writes a qcow2
        /// header into a raw disk could otherwise name a host file as its backing file.
        public var format: DiskFormat
        /// Its serial number, at most 20 letters and digits, by which the guest can tell it from others.
        public var serial: String?
        /// Whether the guest cannot write to it. Any number of VMs may have it then.
        public var isReadOnly: Bool?

        /// Makes a disk from its parts.
        public init(path: String, format: DiskFormat, serial: String? = nil, isReadOnly: Bool? = nil) {
            self.path = path
            self.format = format
            self.serial = serial
            self.isReadOnly = isReadOnly
        }
    }

    /// QEMU's user network: 10.0.2.0/24, the guest is 10.0.2.15.
    public struct Network: Codable, Equatable, Sendable {
        /// True when the guest reaches only `forwards`, and is reached only through `portForwards`: neither the host nor the world.
        public var isRestricted: Bool
        /// Addresses inside the user network that are programs on the host.
        public var forwards: [GuestForward]
        /// Ports of the host that lead to ports of the guest.
        public var portForwards: [PortForward]
        /// More options of `-netdev user`, comma-separated as QEMU reads them: `$QEMU_NET_OPTS`. Empty for none.
        public var extraOptions: String

        /// Makes a network from its parts.
        public init(
            isRestricted: Bool = true, forwards: [GuestForward] = [], portForwards: [PortForward] = [], extraOptions: String = ""
        ) {
            self.isRestricted = isRestricted
            self.forwards = forwards
            self.portForwards = portForwards
            self.extraOptions = extraOptions
        }
    }

    /// A TCP address in the user network; QEMU runs one process of `command` for each connection that the guest makes to it,
    /// with the connection as its standard input and output (`guestfwd=…-cmd:…`).
    public struct GuestForward: Codable, Equatable, Sendable {
        /// An address in 10.0.2.0/24.
        public var address: String
        /// A TCP port.
        public var port: Int
        /// The program and its arguments; no shell in between.
        public var command: [String]

        /// Makes a forward from its parts.
        public init(address: String, port: Int, command: [String]) {
            self.address = address
            self.port = port
            self.command = command
        }
    }

    /// A directory of the host's that the guest reaches through a device.
    public enum Filesystem: Codable, Equatable, Sendable {
        /// A virtiofs device; `socket` is its server's. The guest's memory is then shared with that.
        case virtiofs(tag: String, socket: String)
        /// A 9p device; QEMU reads the files itself.
        case plan9(tag: String, directory: String, isReadOnly: Bool)
    }

    /// A card on a network between VMs: a `vde_switch`, on the host a directory with sockets.
    public struct VLANCard: Codable, Equatable, Sendable {
        /// The switch's directory.
        public var switchDirectory: String
        /// The card's address, as `52:54:00:12:01:02`.
        public var macAddress: String

        /// Makes a card from its parts.
        public init(switchDirectory: String, macAddress: String) {
            self.switchDirectory = switchDirectory
            self.macAddress = macAddress
        }
    }

    /// A virtio-serial port. QEMU connects to a UNIX socket on the host, and again a second after each loss of the connection,
    /// so that who listens there can be started anew.
    public struct SerialPort: Codable, Equatable, Sendable {
        /// The name by which the guest knows it (`/sys/class/virtio-ports/*/name`).
        public var name: String
        /// The host's socket. It need not be there when QEMU starts.
        public var socket: String

        /// Makes a port from its parts.
        public init(name: String, socket: String) {
            self.name = name
            self.socket = socket
        }

        /// The port that the guest's agent looks for.
        public static let agentName = "vm-agent"
    }

    /// A file that the guest's root reads as `/sys/firmware/qemu_fw_cfg/by_name/NAME/raw`.
    public struct FirmwareEntry: Codable, Equatable, Sendable {
        /// The entry's name; users' names begin with `opt/`.
        public var name: String
        /// The host's file that holds its bytes.
        public var file: String

        /// Makes an entry from its parts.
        public init(name: String, file: String) {
            self.name = name
            self.file = file
        }
    }

    /// Describes a VM; only what has no sensible default must be given.
    public init(
        name: String, kernel: String, initrd: String? = nil, kernelParameters: [String] = [], memoryMiB: Int = defaultMemoryMiB,
        cores: Int = 1, accelerator: Accelerator = .tcg, disk: Disk? = nil, network: Network = Network(),
        extraDisks: [Disk] = [], vlans: [VLANCard] = [], filesystems: [Filesystem] = [], hasDisplay: Bool = false,
        serialPorts: [SerialPort] = [],
        firmwareEntries: [FirmwareEntry] = [], extraOptions: [String] = [], runtimeDirectory: String,
        qemu: String = defaultProgram
    ) {
        self.name = name
        self.kernel = kernel
        self.initrd = initrd
        self.kernelParameters = kernelParameters
        self.memoryMiB = memoryMiB
        self.cores = cores
        self.accelerator = accelerator
        self.disk = disk
        self.network = network
        self.extraDisks = extraDisks
        self.vlans = vlans
        self.filesystems = filesystems
        self.hasDisplay = hasDisplay
        self.serialPorts = serialPorts
        self.firmwareEntries = firmwareEntries
        self.extraOptions = extraOptions
        self.runtimeDirectory = runtimeDirectory
        self.qemu = qemu
    }

    /// Memory of a VM that does not say, in MiB.
    public static let defaultMemoryMiB = 512
    /// The QEMU program of a VM that does not say; looked for in `PATH`.
    public static let defaultProgram = "qemu-system-x86_64"

    /// Where QEMU listens for QMP connections.
    public var qmpSocket: String { runtimeDirectory + "/qmp.socket" }
}
extension MachineDescription {
    /// Reads a description; keys that are missing have the default of the memberwise `init`.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try fields.decode(String.self, forKey: .name),
            kernel: try fields.decode(String.self, forKey: .kernel),
            runtimeDirectory: try fields.decode(String.self, forKey: .runtimeDirectory))
        initrd = try fields.decodeIfPresent(String.self, forKey: .initrd)
        kernelParameters = try fields.decodeIfPresent([String].self, forKey: .kernelParameters) ?? kernelParameters
        memoryMiB = try fields.decodeIfPresent(Int.self, forKey: .memoryMiB) ?? memoryMiB
        cores = try fields.decodeIfPresent(Int.self, forKey: .cores) ?? cores
        accelerator = try fields.decodeIfPresent(Accelerator.self, forKey: .accelerator) ?? accelerator
        disk = try fields.decodeIfPresent(Disk.self, forKey: .disk)
        bootDisk = try fields.decodeIfPresent(Disk.self, forKey: .bootDisk)
        efi = try fields.decodeIfPresent(EFIFirmware.self, forKey: .efi)
        tpmSocket = try fields.decodeIfPresent(String.self, forKey: .tpmSocket)
        network = try fields.decodeIfPresent(Network.self, forKey: .network) ?? network
        extraDisks = try fields.decodeIfPresent([Disk].self, forKey: .extraDisks) ?? extraDisks
        vlans = try fields.decodeIfPresent([VLANCard].self, forKey: .vlans) ?? vlans
        filesystems = try fields.decodeIfPresent([Filesystem].self, forKey: .filesystems) ?? filesystems
        hasDisplay = try fields.decodeIfPresent(Bool.self, forKey: .hasDisplay) ?? hasDisplay
        serialPorts = try fields.decodeIfPresent([SerialPort].self, forKey: .serialPorts) ?? serialPorts
        firmwareEntries = try fields.decodeIfPresent([FirmwareEntry].self, forKey: .firmwareEntries) ?? firmwareEntries
        extraOptions = try fields.decodeIfPresent([String].self, forKey: .extraOptions) ?? extraOptions
        qemu = try fields.decodeIfPresent(String.self, forKey: .qemu) ?? qemu
    }
}

extension MachineDescription.Network {
    /// Reads a network; keys that are missing have the default of the memberwise `init`.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            isRestricted: try fields.decodeIfPresent(Bool.self, forKey: .isRestricted) ?? true,
            forwards: try fields.decodeIfPresent([MachineDescription.GuestForward].self, forKey: .forwards) ?? [],
            portForwards: try fields.decodeIfPresent([MachineDescription.PortForward].self, forKey: .portForwards) ?? [],
            extraOptions: try fields.decodeIfPresent(String.self, forKey: .extraOptions) ?? "")
    }
}
