internal import LinuxSystem

/// What the agent does to boot this guest: a pure function of the kernel command line. `vm-agent plan` prints it.
///
/// All parameters are listed in `docs/kernel-parameters.md`.
public struct BootPlan: Equatable, Sendable {
    /// What is done when a step fails (`vm.on-failure=`).
    public enum FailureAction: String, Sendable {
        /// Stay, and serve sessions.
        case shell
        /// Power off.
        case powerOff = "poweroff"
        /// Restart.
        case reboot
        /// End PID 1, which makes the kernel panic.
        case panic
    }

    /// The steps, in the order in which they run.
    public var steps: [BootStep] = []
    /// See `FailureAction`.
    public var failureAction: FailureAction = .shell
    /// The real init (`init=`); nil when the agent stays PID 1.
    public var initPath: String?
    /// The terminals, by their names in `/dev`, on which there is to be a root shell when the agent stays PID 1 (`vm.console-shell=`).
    public var consoleShells: [String] = []
    /// Parameters that were not understood, as sentences for the console.
    public var warnings: [String] = []

    /// Where the real root is put together before the switch.
    public static let stagingRoot = "/mnt-root"

    /// Derives the plan.
    public init(_ commandLine: KernelCommandLine) {
        initPath = commandLine.value("init")
        if let text = commandLine.value("vm.on-failure") {
            if let action = FailureAction(rawValue: text) {
                failureAction = action
            } else {
                warnings.append("vm.on-failure=\(text): must be shell, poweroff, reboot or panic; taking shell")
            }
        }
        if let text = commandLine.value("vm.parameters"), text != "fw_cfg" {
            warnings.append("vm.parameters=\(text): must be fw_cfg; passed over")
        }
        for name in (commandLine.value("vm.console-shell") ?? "").split(separator: ",") { consoleShells.append(String(name)) }
        let disk = commandLine.value("vm.disk") ?? "/dev/vda"
        var filesystem = DiskFilesystem.ext4
        if let text = commandLine.value("vm.mkfs") {
            if let known = DiskFilesystem(rawValue: text) {
                filesystem = known
            } else {
                warnings.append("vm.mkfs=\(text): must be ext4, ext3 or ext2; taking ext4")
            }
        }
        let format = formatPolicy(of: commandLine)
        let share = commandLine.value("vm.hostfs") ?? "//10.0.2.4/qemu"
        let storeLayer = commandLine.value("vm.writable-store")
        let isStoreOnDisk = storeLayer == "disk"
        let isStoreWritable = isStoreOnDisk || storeLayer == "tmpfs" || flag("vm.writable-store", of: commandLine, or: "tmpfs, disk, ")
        var shares: [MountedShare] = []
        for text in commandLine.values("vm.share") {
            if let parsed = MountedShare(text) {
                shares.append(parsed)
            } else {
                warnings.append("vm.share=\(text): must be NAME:/DIRECTORY; passed over")
            }
        }

        var interfaces: [InterfaceAddress] = []
        for text in commandLine.values("vm.interface") {
            if let parsed = InterfaceAddress(text) {
                interfaces.append(parsed)
            } else {
                warnings.append("vm.interface=\(text): must be INTERFACE:ADDRESS/PREFIX, as eth1:192.168.1.2/24; passed over")
            }
        }

        // Tools first: a link, and a session over it, may be there as soon as a module has brought the device.
        steps = [.installTools, .loadModules, .setClockSource(wanted: commandLine.value("vm.clocksource"))]
        steps.append(.bringUpNetwork(interface: "eth0"))
        if !interfaces.isEmpty { steps.append(.bringUpVLANs(interfaces)) }
        steps += rootSteps(commandLine.value("vm.root") ?? "disk", disk, filesystem, format)
        if share != "none" {
            steps.append(.mountHostFiles(share: share, others: shares))
            steps.append(.bindStore)
            if isStoreWritable { steps.append(.overlayStore(onDisk: isStoreOnDisk)) }
        } else {
            if isStoreWritable { warnings.append("vm.writable-store: there is no store to write to with vm.hostfs=none; passed over") }
            if !shares.isEmpty { warnings.append("vm.share: there is no server of shares with vm.hostfs=none; passed over") }
        }
        let mounts = sharedDirectories(commandLine)
        if !mounts.isEmpty { steps.append(.mountShares(mounts)) }
        steps.append(.makeBootDirectory)
        if let serial = commandLine.value("vm.boot-disk") { steps.append(.mountBootDisk(serial: serial)) }
        if flag("vm.hosts", of: commandLine) { steps.append(.nameHosts) }
        if let text = commandLine.value("vm.name-server") {
            if let address = IPv4Address(text[...]) {
                steps.append(.setNameServer(address))
            } else {
                warnings.append("vm.name-server=\(text): must be an IPv4 address, as 10.0.2.3; passed over")
            }
        }
        steps.append(.switchRoot)
        if let registration = commandLine.value("regInfo"), !registration.isEmpty {
            steps.append(.registerStorePaths(registration: registration, nixStore: commandLine.value("vm.nix-store")))
        }
        if let initPath { steps.append(.enterInit(path: initPath)) }
        warnAboutUnknownParameters(commandLine)
    }

    /// What makes the root to be: a disk, memory, or a tree of the host's.
    private mutating func rootSteps(
        _ text: String, _ disk: String, _ filesystem: DiskFilesystem, _ format: FormatPolicy
    ) -> [BootStep] {
        if text == "tmpfs" { return [.mountMemoryRoot] }
        if let source = ShareSource(text) { return [.mountSharedRoot(source)] }
        if text != "disk" {
            warnings.append("vm.root=\(text): must be disk, tmpfs, //SERVER/SHARE, virtiofs:TAG or 9p:TAG; taking disk")
        }
        return [.formatEmptyDisk(device: disk, filesystem: filesystem, when: format), .mountRoot(device: disk)]
    }

    private mutating func sharedDirectories(_ commandLine: KernelCommandLine) -> [SharedDirectory] {
        var mounts: [SharedDirectory] = []
        for (name, isWritable) in [("vm.mount", false), ("vm.mount-writable", true)] {
            for text in commandLine.values(name) {
                if let mount = SharedDirectory(text, isWritable: isWritable) {
                    mounts.append(mount)
                } else {
                    warnings.append("\(name)=\(text): must be SOURCE:/DIRECTORY, as //10.0.2.4/work:/work; passed over")
                }
            }
        }
        return mounts
    }

    /// The parameters that begin with `vm.`, all of them.
    static let parameterNames = [
        "vm.boot-disk", "vm.clocksource", "vm.console-shell", "vm.disk", "vm.format", "vm.hostfs", "vm.hosts", "vm.interface", "vm.mkfs",
        "vm.mount", "vm.mount-writable", "vm.name-server", "vm.nix-store", "vm.on-failure", "vm.parameters", "vm.root", "vm.share",
        "vm.writable-store",
    ]

    /// A misspelt parameter would be obeyed by nobody, and the guest be another than the one that was asked for.
    private mutating func warnAboutUnknownParameters(_ commandLine: KernelCommandLine) {
        for parameter in commandLine.parameters where parameter.name.utf8.starts(with: "vm.".utf8) {
            if BootPlan.parameterNames.contains(where: { parameter.isNamed($0) }) { continue }
            warnings.append("\(parameter.name): there is no such parameter; there are \(BootPlan.parameterNames.joined(separator: ", "))")
        }
    }

    /// The flag `name`, with a warning for a value that is neither yes nor no; `others` are what it may be beside.
    private mutating func flag(_ name: String, of commandLine: KernelCommandLine, or others: String = "") -> Bool {
        let isUp = commandLine.flag(name)
        if !isUp, let value = commandLine.value(name), value != "0", value != "no", value != "false" {
            warnings.append("\(name)=\(value): must be \(others)1, yes, true, 0, no or false; taking no")
        }
        return isUp
    }

    /// The system that `init=` belongs to: the directory that holds it.
    public var systemPath: String? {
        guard let initPath, let slash = initPath.utf8.lastIndex(of: UInt8(ascii: "/")), slash > initPath.startIndex else { return nil }
        return String(initPath[..<slash])
    }

    /// The plan for people: a line a step.
    public var text: String {
        var text = ""
        for (index, step) in steps.enumerated() {
            text += "\(index + 1)\t\(step.name)\t\(step.arguments)\n"
        }
        for warning in warnings { text += "warning: \(warning)\n" }
        return text
    }
}

/// What an empty disk is formatted with (`vm.mkfs=`).
public enum DiskFilesystem: String, Sendable {
    /// The default.
    case ext4
    /// As in 2010.
    case ext3
    /// Without a journal.
    case ext2
}

/// A share of its own below `/hostfs` (`vm.share=NAME:/DIRECTORY`): `store:/nix/store` shows the share `store` as
/// `/hostfs/nix/store`.
public struct MountedShare: Equatable, Sendable {
    /// The share's name on the server.
    public var name: String
    /// Where it appears below `/hostfs`; begins with `/`, goes further, and no part of it is `..`.
    public var directory: String

    /// Reads `NAME:/DIRECTORY`; nil when it is not of that form.
    public init?(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        name = String(text[..<colon])
        directory = String(text[text.utf8.index(after: colon)...])
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), directory.utf8.first == UInt8(ascii: "/") else { return nil }
        var isBelow = false
        for part in directory.pathParts {
            if part == ".." { return nil }
            if part != "." { isBelow = true }
        }
        guard isBelow else { return nil }
    }
}
