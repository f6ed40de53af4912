import Foundation
import InitrdBuilder
import LinuxSystem
import ProxyClient
import VirtualMachine

/// The boot disks of this user: each is made once, in a VM, and kept for all runs with the same kernel, initrd and command line.
struct BootDisk {
    /// How many are kept; those that were used longest ago go first.
    private static let capacity = 4
    /// How long making one may take, in seconds.
    private static let patience = Patience.seconds(300)

    let parts: BootDiskParts
    /// The options of the run that it is for.
    let options: RunCommand
    let accelerator: Accelerator
    let files: RuntimeDirectory
    let signals: SignalInbox
    /// Tells the user what is being waited for.
    let note: (String) -> Void

    /// The disk, from the cache or made now.
    func image() async throws -> MachineDescription.Disk {
        let directory = CacheDirectory.ofUser()
        let path = "\(directory)/boot-\(try key()).img"
        let disk = MachineDescription.Disk(path: path, format: .raw, serial: BootDiskParts.serial)
        if CacheDirectory.use(path) { return disk }
        try CacheDirectory.make(directory)
        // Several VMs of a network want the same one at the same time.
        let lock = try await lock("\(directory)/boot.lock")
        defer { close(lock) }
        if CacheDirectory.use(path) { return disk }
        note("making the boot disk of this kernel and initrd, which is kept for the next run")
        try await make(path, in: directory)
        CacheDirectory.removeOldest(in: directory, prefix: "boot-", capacity: Self.capacity, sparing: path) { $0.hasSuffix(".img") }
        return disk
    }

    private func key() throws -> String {
        var key = CacheKey()
        let dependencies = try parts.dependencies
        key.add(dependencies.text)
        for file in dependencies.files + [parts.kernel] { try add(file, to: &key) }
        // An initrd of the cache has its content's name, and is touched whenever it is used.
        if parts.initrd.hasPrefix(CacheDirectory.ofUser() + "/") {
            key.add(parts.initrd)
        } else {
            try add(parts.initrd, to: &key)
        }
        return key.text
    }

    private func add(_ file: String, to key: inout CacheKey) throws {
        guard key.add(file: file) else { throw Failure("cannot look at \(file): \(String(cString: strerror(errno)))") }
    }

    /// Waits until no other program makes a boot disk.
    private func lock(_ path: String) async throws -> CInt {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("cannot make \(path): \(Errno.current)") }
        let deadline = Deadline.after(.seconds(Self.patience))
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if let signal = signals.next() { throw interruption(signal, closing: descriptor) }
            guard !deadline.hasPassed else {
                close(descriptor)
                throw Failure("waited \(Self.patience) s for another vm run to make a boot disk; who holds \(path)? 'fuser \(path)' tells")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return descriptor
    }

    private func interruption(_ signal: CInt, closing descriptor: CInt) -> Failure {
        close(descriptor)
        return Failure("interrupted before the VM was started", code: 128 + signal)
    }

    /// Makes a disk under a name of its own, and gives it its name when it is whole.
    private func make(_ path: String, in directory: String) async throws {
        let part = "\(directory)/boot-\(UUID().uuidString.prefix(8)).part"
        defer { unlink(part) }
        let size = try parts.diskSize()
        guard FileManager.default.createFile(atPath: part, contents: nil, attributes: [.posixPermissions: 0o600]),
            truncate(part, off_t(size)) == 0
        else { throw Failure("cannot make the boot disk \(part): \(Errno.current)") }
        let work = files.file("boot-disk")
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let command = try await parts.write(to: work)
        try await runVM(arguments(disk: part, directory: work) + ["--"] + command, log: "\(work)/log")
        guard rename(part, path) == 0 else { throw Failure("cannot give the boot disk the name \(path): \(Errno.current)") }
    }

    /// The `vm run` that makes it.
    private func arguments(disk: String, directory: String) -> [String] {
        let machine = options.machine
        // A comma in a path is written twice for QEMU; losing the disk in a crash is no loss.
        let file = disk.replacingOccurrences(of: ",", with: ",,")
        let device = ShellWords.quoted(
            [
                "-drive", "file=\(file),format=raw,if=none,id=boot,cache=unsafe",
                "-device", "virtio-blk-pci,drive=boot,serial=\(BootDiskParts.serial)",
            ])
        var arguments = [
            "run", "--quiet", "--name", "boot-disk", "--directory", directory, "--root", "host", "--user", "0:0", "--kernel", parts.kernel,
            "--boot-timeout", "\(max(Self.patience * 4 / 5, 1))", "--accel", accelerator.rawValue, "--share", options.files.share.rawValue,
            "--qemu-opts", device,
        ]
        if let modules = machine.modules { arguments += ["--modules", modules] }
        return arguments
    }

    private func runVM(_ arguments: [String], log: String) async throws {
        let output = try RuntimeDirectory.makeLog(log)
        defer { output.close() }
        // What is meant for the run itself is not meant for this one.
        let own = ["QEMU_OPTS", "QEMU_NET_OPTS", "QEMU_KERNEL_PARAMS", "NIX_DISK_IMAGE"]
        let environment = ProcessInfo.processInfo.environment.filter { !own.contains($0.key) }
        var program = Program("/proc/self/exe", arguments, environment: environment.map { "\($0)=\($1)" })
        (program.standardOutput, program.standardError) = (output, output)
        let process: ChildProcess
        do { process = try program.start() } catch { throw Failure("cannot start the VM that makes the boot disk: \(error)") }
        let signals = self.signals.descriptor
        let isOver = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Self.wait(for: process, orFor: signals)) }
        }
        if !isOver {
            // It cleans up after itself.
            process.signal(SIGTERM)
            if !process.pidfd.waitUntilReadable(milliseconds: 20_000) { process.signal(SIGKILL) }
            _ = process.pidfd.waitUntilReadable(milliseconds: 1_000)
        }
        let end = process.end()
        process.pidfd.close()
        if let signal = self.signals.next() { throw Failure("interrupted while the boot disk was made", code: 128 + signal) }
        guard isOver else {
            throw Failure("the VM that makes the boot disk did not end within \(Self.patience) s; $VM_PATIENCE gives it more seconds")
        }
        guard end == .exited(0) else {
            let text = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let words = text.split(separator: "\n").suffix(10).joined(separator: "\n")
            throw Failure("the boot disk could not be made, in a VM of its own:\n\(words)")
        }
    }

    /// True when the process has ended; false when a signal has come, or the time is over.
    private static func wait(for process: ChildProcess, orFor signals: CInt) -> Bool {
        let deadline = Deadline.after(.seconds(patience))
        var interests = [
            pollfd(fd: process.pidfd.rawValue, events: Int16(POLLIN), revents: 0), pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&interests, 2, deadline.pollTimeout) < 0, errno == EINTR {}
        return interests[0].revents != 0
    }
}
