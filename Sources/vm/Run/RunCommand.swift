public import ArgumentParser
import ControlProtocol
import Foundation
import InitrdBuilder
public import VirtualMachine

/// `vm run`.
struct RunCommand: AsyncParsableCommand, PassesSignals {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot a VM, and run a command in it or keep it.",
        discussion: """
            With a command, the VM boots, the command runs with this command's standard input, output and error, and the VM \
            powers off; the exit code is the command's. Without one the VM stays until it powers off, or until Ctrl-C.

            The VM has a disk as its root, which is formatted when it is empty, and sees the host's store read-only as \
            /nix/store. It is entered through NAME.socket, or with vm exec NAME.

            Examples:
              vm run -- uname -r
              vm run --name test1 --system ./result --writable-store
              vm run --root host --kernel vmlinuz -- make check
              vm run --kernel vmlinuz --modules ./lib/modules/6.1.0 --ephemeral -- sh -c 'dmesg | tail'
            """)

    @OptionGroup var directory: DirectoryOption
    @OptionGroup(title: "Machine") var machine: MachineOptions
    @OptionGroup(title: "Boot") var boot: BootOptions
    @OptionGroup(title: "Files") var files: FileOptions
    @OptionGroup(title: "Store") var store: StoreOptions
    @OptionGroup(title: "Network") var network: NetworkOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("How long the boot may take before a command is given up.", valueName: "seconds"))
    var bootTimeout = 120

    @Option(
        help: ArgumentHelp(
            "Run the command as this user of the VM: NAME, UID, or either with :GROUP. (default: root; with --root host, you)",
            valueName: "user"))
    var user: String?

    @Flag(help: "End the VM when standard input ends: for a program that starts it.")
    var untilInputEnds = false

    @Flag(name: .shortAndLong, help: "Print each boot step with its time, and the guest's console.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "Print nothing but errors.")
    var quiet = false

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after '--'.")
    var command: [String] = []

    func validate() throws {
        if files.root != .disk {
            let kind = files.root.rawValue
            guard machine.disk == nil, !machine.ephemeral else {
                throw ValidationError("--root \(kind) has no disk: leave out --disk and --ephemeral, or give --root disk.")
            }
            guard store.writableStoreOn != .disk else {
                throw ValidationError("--root \(kind) has no disk to keep the store on: leave out --writable-store-on disk.")
            }
        }
        if files.root != .disk, machine.format != nil {
            throw ValidationError("--format is for the root disk, and --root \(files.root.rawValue) has none.")
        }
        guard bootTimeout > 0 else { throw ValidationError("--boot-timeout must be 1 or more seconds.") }
        guard !untilInputEnds || command.isEmpty else {
            throw ValidationError("--until-input-ends is for a VM that stays; a command reads the standard input.")
        }
        guard user == nil || !command.isEmpty else { throw ValidationError("--user is for a command: give one after '--'.") }
        if let user, user.isEmpty || user.hasPrefix(":") { throw ValidationError("--user \(user): must begin with a name or number.") }
        guard !(verbose && quiet) else { throw ValidationError("--verbose and --quiet exclude each other.") }
    }

    func run() async throws {
        if untilInputEnds { try requireInputThatEnds() }
        let files = try RuntimeDirectory(for: machine.name)
        defer { files.remove() }
        let needsDisks = (machine.ephemeral && self.files.root == .disk) || !machine.emptyDisk.isEmpty
        let disks = needsDisks ? try RuntimeDirectory(for: machine.name, in: .disk) : files
        defer { disks.remove() }
        do {
            let code = try await GuestRun(self, files: files, disks: disks).run()
            files.remove()
            disks.remove()
            throw ExitCode(code)
        } catch let error where !(error is ExitCode || error is Failure) {
            throw Failure(error)
        }
    }

    /// `poll` tells the end of a pipe, a socket and a terminal, and of nothing else.
    private func requireInputThatEnds() throws(Failure) {
        var status = stat()
        guard fstat(STDIN_FILENO, &status) == 0, [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT) || isatty(STDIN_FILENO) == 1
        else { throw Failure("--until-input-ends: the standard input is no pipe, socket or terminal, so its end is not seen", code: 64) }
    }

    /// How the boot is shown: a command's own output is not to be mixed with it, unless that was asked for.
    var progressStyle: BootProgress.Style {
        if quiet { return .quiet }
        if verbose || command.isEmpty { return .lines }
        return Terminal.isTerminal ? .transient : .quiet
    }
}

/// What the virtual hardware is.
struct MachineOptions: ParsableArguments {
    @Option(help: "The VM's name, and that of its socket and disk.")
    var name = "vm"

    @Option(
        help: ArgumentHelp("The kernel image. (default: $VM_KERNEL, else this machine's own in /boot)", valueName: "file"),
        completion: .file())
    var kernel: String?

    @Option(help: ArgumentHelp("The initrd. (default: one is built, and kept for the next run)", valueName: "file"), completion: .file())
    var initrd: String?

    @Option(
        help: ArgumentHelp(
            "The kernel's modules: lib/modules/RELEASE, or a root that has it. (default: those beside the kernel, else /lib/modules)",
            valueName: "dir"), completion: .directory)
    var modules: String?

    @Option(name: .customLong("module"), help: ArgumentHelp("One more kernel module to load; may be repeated.", valueName: "name"))
    var extraModules: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("Memory in MiB.", valueName: "MiB"))
    var memory = MachineDescription.defaultMemoryMiB

    @Option(parsing: .unconditional, help: "Virtual processors.")
    var cores = 1

    @Option(
        help: ArgumentHelp("The disk image or block device. (default: $NIX_DISK_IMAGE, else ./NAME.qcow2)", valueName: "path"),
        completion: .file())
    var disk: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The size of a disk that is made: 512M, 2G.", valueName: "size"))
    var diskSize: DiskSize = .standard

    @Option(
        help: ArgumentHelp(
            "Format the disk when it is proved empty (empty), whatever is on it (always), or not at all (never). (default: empty)",
            valueName: "when"))
    var format: FormatChoice?

    @Flag(help: "Take a new disk, and drop it at the end.")
    var ephemeral = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("One more disk, empty, that is dropped at the end: 512M, 2G; may be repeated.", valueName: "size"))
    var emptyDisk: [DiskSize] = []

    @Flag(help: "Show a window with the VM's screen.")
    var graphics = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Words to add to the kernel command line; may be repeated.", valueName: "words"))
    var append: [String] = []

    @Option(help: "What runs the guest: kvm, tcg or auto.")
    var accel: AcceleratorChoice = .auto

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("More options for QEMU, split as a shell does; may be repeated. $QEMU_OPTS is added.", valueName: "options"))
    var qemuOpts: [String] = []

    func validate() throws {
        if let fault = ControlSocket.fault(inGuestName: name) { throw ValidationError("--name \(name): \(fault)") }
        if initrd != nil, modules != nil || !extraModules.isEmpty {
            throw ValidationError("--initrd is used as it is: leave it out to have one built with these --modules.")
        }
        if ephemeral, disk != nil { throw ValidationError("--ephemeral takes a disk of its own: leave out --disk.") }
        guard MachineDescription.memoryRange.contains(memory) else {
            let range = MachineDescription.memoryRange
            throw ValidationError("--memory \(memory): must be \(range.lowerBound) to \(range.upperBound) MiB.")
        }
        guard MachineDescription.coreRange.contains(cores) else {
            throw ValidationError("--cores \(cores): must be 1 to \(MachineDescription.coreRange.upperBound).")
        }
    }
}

/// What the guest has of the host's store.
struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp("The directory that the guest sees as /nix/store, or none. (default: /nix/store)", valueName: "dir"),
        completion: .directory)
    var directory: String?

    @Option(
        help: ArgumentHelp("A system in the store: its init is run, and it is registered with all it references.", valueName: "path"),
        completion: .directory)
    var system: String?

    @Flag(help: "Let the guest write to its store; what it writes is gone at the end, and the host never sees it.")
    var writableStore = false

    @Option(
        help: ArgumentHelp(
            "Let the guest write to its store, and keep what it writes in memory (tmpfs), as --writable-store does, or on its disk (disk).",
            valueName: "where"))
    var writableStoreOn: StoreLayer?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Store paths to register in the guest's Nix database with all they reference, or files made by 'nix-store --dump-db'.",
            valueName: "path"))
    var register: [String] = []

    func validate() throws {
        guard !writableStore || writableStoreOn != .disk else {
            throw ValidationError("--writable-store is gone at the end: leave it out where --writable-store-on says disk.")
        }
    }

    /// Where what the guest writes to its store goes; nil when it cannot write to it.
    var layer: StoreLayer? { writableStoreOn ?? (writableStore ? .tmpfs : nil) }

    /// Whether the guest can write to its store.
    var isWritable: Bool { layer != nil }
}

/// Where the layer is that a guest writes to in place of the host's store.
enum StoreLayer: String, ExpressibleByArgument, CaseIterable {
    /// In memory.
    case tmpfs
    /// On the guest's disk.
    case disk
}

extension DiskSize: ExpressibleByArgument {
    /// Reads an option's value.
    public init?(argument: String) {
        guard let size = try? DiskSize(parsing: argument) else { return nil }
        self = size
    }

    /// The size in help texts.
    public var defaultValueDescription: String { "\(bytes >> 20)M" }
}

extension AcceleratorChoice: ExpressibleByArgument {}
