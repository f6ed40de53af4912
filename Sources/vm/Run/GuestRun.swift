import ControlProtocol
import Foundation
import HostShares
import InitrdBuilder
import LinuxSystem
import ProxyClient
import VirtualMachine

/// One VM from its parts to its end: prepares the files, registers the guest, runs QEMU, and cleans up whatever happens.
struct GuestRun {
    private let options: RunCommand
    private let files: RuntimeDirectory
    /// Where the disks are that are dropped at the end.
    private let disks: RuntimeDirectory
    private let directory: String

    init(_ options: RunCommand, files: RuntimeDirectory, disks: RuntimeDirectory) {
        (self.options, self.files, self.disks) = (options, files, disks)
        directory = options.directory.path
    }

    /// Runs the VM; gives the exit code.
    func run() async throws -> Int32 {
        let signals = try RunCommand.inbox.get()
        let name = options.machine.name
        let notes = NoteBuffer()

        let found = try BootFiles.FoundKernel(options.machine)
        let share = options.files.share.resolved(found.moduleTree)
        if let note = share.note, options.verbose { notes.add(note) }

        let token = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        let proxy = ProxyProcess(directory: directory, logFile: files.file("vm-proxy.log"))
        let console = try LogRelay()
        let conductor = GuestConductor(
            name: name, directory: directory, proxy: proxy, token: token, signals: signals, options: options, console: console,
            progress: BootProgress(options.progressStyle, name: name))
        defer { conductor.unregister() }
        // Early, because who asks for the guest meanwhile is to wait for it.
        async let registered: Void = conductor.register()

        // What needs other programs' answers is asked for at once.
        async let store = GuestStore(options.store, options.files, share.choice, files: files)
        async let disk = preparedDisk()
        async let emptyDisks = emptyDisks()
        async let accelerator = options.machine.accel.resolve()
        let decision = try await accelerator
        let boot = try BootFiles(found, options.machine, decision.accelerator, share.choice) { notes.add($0) }
        if let note = decision.note, options.verbose { notes.add(note) }
        // KVM runs the kernel's own unpacking at full speed; without it QEMU enters the unpacked kernel half a second sooner.
        let kernel = decision.accelerator == .tcg ? (try? UnpackedKernelCache().kernel(of: boot.kernel)) ?? boot.kernel : boot.kernel
        try await registered
        var description = try await description(boot, kernel, store, disk, decision.accelerator, token)
        description.extraDisks = try await emptyDisks
        try QEMUEnvironment(ProcessInfo.processInfo.environment).apply(to: &description)
        if try await disk?.isBlank == true { try description.vouchForBlankDisk { try files.write($0, to: "blank-disk") } }

        // Who has asked for the end meanwhile is not shown a VM first.
        if let signal = signals.nextInterruption() { return 128 + signal }
        let daemons = try ShareDaemons(try await store.share?.daemons ?? [])
        defer { daemons.stop() }
        conductor.show(notes)

        let showsConsole = options.verbose
        let outcome = try await withRunningMachine(
            description,
            onConsoleLine: { line in
                console.add(line)
                if showsConsole { Terminal.write("\(name)| \(line)\n") }
            },
            body: { machine in
                daemons.watch(name, machine.processIdentifier)
                return try await conductor.conduct(machine)
            })
        if let fault = daemons.fault, case .machineEnded = outcome.value { throw Failure(fault) }
        return try conductor.exitCode(of: outcome.value, outcome.end)
    }

    private func description(
        _ boot: BootFiles, _ kernel: String, _ store: GuestStore, _ disk: PreparedDisk?, _ accelerator: Accelerator, _ token: [UInt8]
    ) throws -> MachineDescription {
        let machine = options.machine
        let link = MachineDescription.GuestForward(
            address: "10.0.2.6", port: 23, command: [try ProxyProcess.program(), "link", "--directory", directory, machine.name])
        let shares = (store.share?.connections ?? []).map {
            MachineDescription.GuestForward(address: $0.address, port: $0.port, command: $0.command)
        }
        var entries = [MachineDescription.FirmwareEntry(name: "opt/vm-agent/token", file: try files.write(token, to: "token"))]
        if let lines = try options.network.hostLines() {
            entries.append(.init(name: "opt/vm-agent/hosts", file: try files.write(lines, to: "hosts")))
        }
        let linkSocket = "\(directory)/\(ControlSocket.linkSocketName(of: machine.name))"
        // The kernel would test its ciphers on every boot, and a key derivation whatever it is told: half a second without KVM.
        let parameters =
            (machine.graphics ? ["console=tty0"] : []) + [
                "hostname=\(machine.name)", "console=ttyS0", "quiet", "panic=-1", "net.ifnames=0", "cryptomgr.notests",
                "initcall_blacklist=crypto_kdf108_init",
            ]
            + accelerator.kernelParameters(cores: machine.cores) + store.kernelParameters + machine.formatParameters
            + options.network.kernelParameters
        return MachineDescription(
            name: machine.name, kernel: kernel, initrd: boot.initrd, kernelParameters: parameters + machine.append,
            memoryMiB: machine.memory, cores: machine.cores, accelerator: accelerator, disk: disk?.disk,
            network: .init(
                isRestricted: options.network.network == .restricted, forwards: [link] + shares, portForwards: options.network.forward),
            vlans: try options.network.cards(), filesystems: (store.share?.devices ?? []).map(filesystem), hasDisplay: machine.graphics,
            serialPorts: [.init(name: MachineDescription.SerialPort.agentName, socket: linkSocket)], firmwareEntries: entries,
            extraOptions: try machine.qemuOpts.flatMap { try ShellWords.split($0) }, runtimeDirectory: files.path)
    }

    private func filesystem(_ device: ShareDevice) -> MachineDescription.Filesystem {
        switch device {
        case .virtiofs(let tag, let socket): .virtiofs(tag: tag, socket: socket)
        case .plan9(let tag, let directory, let isReadOnly): .plan9(tag: tag, directory: directory, isReadOnly: isReadOnly)
        }
    }

    private func emptyDisks() async throws -> [MachineDescription.Disk] {
        var disks: [MachineDescription.Disk] = []
        for (index, size) in options.machine.emptyDisk.enumerated() {
            disks.append(try await MachineDescription.Disk.prepare(path: self.disks.file("empty\(index + 1).qcow2"), size: size).disk)
        }
        return disks
    }

    /// A disk, and whether it is known to be zero.
    private struct PreparedDisk {
        var disk: MachineDescription.Disk
        var isBlank: Bool
    }

    /// The root disk; nil for a guest without one.
    private func preparedDisk() async throws -> PreparedDisk? {
        guard options.files.root == .disk else { return nil }
        let machine = options.machine
        let environment = ProcessInfo.processInfo.environment["NIX_DISK_IMAGE"] ?? ""
        let kept = machine.disk ?? (environment.isEmpty ? "\(machine.name).qcow2" : environment)
        let path = machine.ephemeral ? disks.file("disk.qcow2") : kept
        let (disk, isBlank) = try await MachineDescription.Disk.prepare(
            path: URL(fileURLWithPath: path).standardizedFileURL.path, size: machine.diskSize)
        return PreparedDisk(disk: disk, isBlank: isBlank)
    }
}

/// Notes that are shown once there is a place for them.
final class NoteBuffer {
    private(set) var all: [String] = []
    func add(_ note: String) { all.append(note) }
}
