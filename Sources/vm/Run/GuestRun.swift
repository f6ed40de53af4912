import ControlProtocol
import Foundation
import HostShares
import InitrdBuilder
import LinuxSystem
import ProxyClient
import Synchronization
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

    /// Runs the VM; gives the exit code. A disk that was made for it does not stay when QEMU has not been started.
    func run() async throws -> Int32 {
        let made = UnusedDisk()
        defer { made.remove() }
        return try await run(made)
    }

    private func run(_ made: UnusedDisk) async throws -> Int32 {
        let signals = try RunCommand.inbox.get()
        let name = options.machine.name
        let notes = NoteBuffer()

        let found = try BootFiles.FoundKernel(options.machine)
        let shares = options.files.share.resolved(found.moduleTree)
        let used = shares.used(by: options.files)
        if let note = used.note, options.verbose { notes.add(note) }
        if let limit = used.narrowLimit {
            Terminal.say("warning: --share virtiofs: \(limit.reason), and the guest sees no more; --share cifs has no such limit")
        }

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
        async let store = GuestStore(options.store, options.files, shares, files: files) { image in
            try await image.file(in: files, signals: signals, BootProgress(options.progressStyle, name: name))
        }
        async let disk = preparedDisk(made)
        async let emptyDisks = emptyDisks()
        async let accelerator = options.machine.accel.resolve()
        let decision = try await accelerator
        let boot = try BootFiles(found, options.machine, options.boot, decision.accelerator, used.modules) { notes.add($0) }
        if let note = decision.note, options.verbose { notes.add(note) }
        // KVM runs the kernel's own unpacking at full speed; without it QEMU enters the unpacked kernel half a second sooner. That one is
        // not told of the screen, though, and shows nothing there.
        let isUnpacked = decision.accelerator == .tcg && !options.machine.graphics && !options.boot.needsPackedKernel
        let kernel = isUnpacked ? (try? UnpackedKernelCache().kernel(of: boot.kernel)) ?? boot.kernel : boot.kernel
        try await registered
        var description = try await description(boot, kernel, store, disk, decision.accelerator, token)
        description.extraDisks = try await emptyDisks + imageDisks(store)
        try QEMUEnvironment(ProcessInfo.processInfo.environment).apply(to: &description)
        let tpm = try addFirmware(to: &description)
        if options.boot.bootLoader {
            try await addBootDisk(to: &description, decision.accelerator, signals) { conductor.note($0) }
        }
        if try await disk?.isBlank == true { try description.vouchForBlankDisk { try files.write($0, to: "blank-disk") } }

        // Who has asked for the end meanwhile is not shown a VM first.
        if let signal = signals.nextInterruption() { return 128 + signal }
        let daemons = try ShareDaemons(try await store.services.flatMap(\.daemons), tpm: tpm)
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
                made.image.withLock { $0 = nil }
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
        let shares = store.services.flatMap(\.connections).map {
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
            + options.network.kernelParameters + (machine.graphics && options.store.system == nil ? [Self.consoleShells] : [])
        return MachineDescription(
            name: machine.name, kernel: kernel, initrd: boot.initrd, kernelParameters: parameters + machine.append,
            memoryMiB: machine.memory, cores: machine.cores, accelerator: accelerator, disk: disk?.disk,
            network: .init(
                isRestricted: options.network.network == .restricted, forwards: [link] + shares, portForwards: options.network.forward),
            vlans: try options.network.cards(), filesystems: store.services.flatMap(\.devices).compactMap(filesystem),
            hasDisplay: machine.graphics,
            serialPorts: [.init(name: MachineDescription.SerialPort.agentName, socket: linkSocket)], firmwareEntries: entries,
            extraOptions: try machine.qemuOpts.flatMap { try ShellWords.split($0) }, runtimeDirectory: files.path)
    }

    /// A system has its own log-ins on its screen; a guest without one has these shells.
    private static let consoleShells = "vm.console-shell=tty1,tty2,tty3,tty4,tty5,tty6"

    /// UEFI and TPM, as they are wanted; gives what must run for the latter.
    private func addFirmware(to description: inout MachineDescription) throws -> TPMEmulator? {
        if options.boot.efi {
            var firmware = try MachineDescription.EFIFirmware.locate(searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "")
            let variables = files.file("efi-variables.fd")
            try FileManager.default.copyItem(atPath: firmware.variables, toPath: variables)
            // The copy has the original's mode, which may be read-only.
            chmod(variables, 0o600)
            firmware.variables = variables
            description.efi = firmware
        }
        guard options.boot.tpm else { return nil }
        let tpm = try TPMEmulator(directory: files.file("tpm"))
        guard mkdir(tpm.directory, 0o700) == 0 else { throw Failure("cannot make \(tpm.directory): \(Errno.current)") }
        description.tpmSocket = tpm.socket
        return tpm
    }

    /// Boots through a boot loader: its disk has what all such runs have in common, and a file what is this run's alone.
    private func addBootDisk(
        to description: inout MachineDescription, _ accelerator: Accelerator, _ signals: SignalInbox, note: @escaping (String) -> Void
    ) async throws {
        // The initrd of a distribution looks for init= itself.
        let words = BootWords(
            description.kernelParameters + ["vm.boot-disk=\(BootDiskParts.serial)"], initIsKernels: options.machine.initrd != nil)
        description.kernelParameters = words.loader
        try description.validate()
        let parts = try BootDiskParts(
            kernel: description.kernel, initrd: description.initrd ?? "", words: words.loader, firmware: options.boot.efi ? .efi : .bios)
        let text = words.agent.joined(separator: "\n") + "\n"
        description.firmwareEntries.append(.init(name: "opt/vm-agent/parameters", file: try files.write(text.utf8, to: "parameters")))
        description.bootDisk = try await BootDisk(
            parts: parts, options: options, accelerator: accelerator, files: files, signals: signals, note: note
        ).image()
    }

    private func filesystem(_ device: ShareDevice) -> MachineDescription.Filesystem? {
        switch device {
        case .disk: nil
        case .virtiofs(let tag, let socket): .virtiofs(tag: tag, socket: socket)
        case .plan9(let tag, let directory, let isReadOnly): .plan9(tag: tag, directory: directory, isReadOnly: isReadOnly)
        }
    }

    /// The disks that are shares. They come last: those that the user has asked for keep their names.
    private func imageDisks(_ store: GuestStore) -> [MachineDescription.Disk] {
        store.services.flatMap(\.devices).compactMap { device in
            guard case .disk(let serial, let image) = device else { return nil }
            return MachineDescription.Disk(path: image, format: .raw, serial: serial, isReadOnly: true)
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
    private func preparedDisk(_ made: UnusedDisk) async throws -> PreparedDisk? {
        guard options.files.root == .disk else { return nil }
        let machine = options.machine
        let environment = ProcessInfo.processInfo.environment["NIX_DISK_IMAGE"] ?? ""
        let kept = machine.disk ?? (environment.isEmpty ? "\(machine.name).qcow2" : environment)
        let path = machine.ephemeral ? disks.file("disk.qcow2") : kept
        let (disk, isBlank, image) = try await MachineDescription.Disk.prepare(
            path: URL(fileURLWithPath: path).standardizedFileURL.path, size: machine.diskSize)
        made.image.withLock { $0 = image }
        return PreparedDisk(disk: disk, isBlank: isBlank)
    }
}

/// The disk image that was made for a run, until QEMU has it.
private final class UnusedDisk: Sendable {
    let image = Mutex<NewImage?>(nil)

    func remove() { image.withLock { $0?.removeUnused() } }
}

/// Notes that are shown once there is a place for them.
final class NoteBuffer {
    private(set) var all: [String] = []
    func add(_ note: String) { all.append(note) }
}
