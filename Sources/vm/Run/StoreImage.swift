import Foundation
import HostShares
import InitrdBuilder
import LinuxSystem
import ProxyClient

/// An EROFS image of what a guest is to see of the host's store, with its registration: kept for the next run, by its content.
struct StoreImage {
    /// Each a path of the host's, and where the image has it.
    private let entries: [(host: String, inImage: String)]
    private let key: CacheKey

    /// How many images are kept; the ones used longest ago go first.
    private static let capacity = 4
    /// How long one may take to be made, by this run or another that makes the same.
    fileprivate static let patience = Patience.seconds(1_800)

    /// Finds out what is to be in it.
    ///
    /// - Parameters:
    ///   - registration: as `nix-store --dump-db` prints it; with it only the paths that it names are in the image, without it the
    ///     whole directory.
    ///   - registrationFile: the file of the host's that has it.
    init(of store: StoreLocation, registration: Data?, registrationFile: String) throws(Failure) {
        var entries: [(host: String, inImage: String)] = []
        var key = CacheKey()
        // Of the image's own form.
        key.add("1\0")
        if let registration {
            key.add(Array(registration))
            for path in try Self.paths(in: registration) {
                guard let host = store.hostPath(of: path) else {
                    throw Failure(
                        "cannot make an image of the store: the registration has \(path), which is not in \(StoreLocation.inGuest)")
                }
                entries.append((host, path))
            }
            entries.append((registrationFile, "/registration"))
        } else {
            entries.append((store.directory, StoreLocation.inGuest))
        }
        for (host, inImage) in entries where inImage != "/registration" {
            key.add("\(inImage)\0")
            do { try key.add(tree: FileName(host), in: .working) } catch {
                throw Failure("cannot make an image of the store: cannot read \(host): \(error)")
            }
        }
        (self.entries, self.key) = (entries, key)
    }

    /// The paths of a registration: each is followed by its hash, size and deriver, the number of its references, and those.
    static func paths(in registration: Data) throws(Failure) -> [String] {
        let lines = registration.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var paths: Set<String> = []
        var next = 0
        while next < lines.count, next < lines.count - 1 || !lines[next].isEmpty {
            guard next + 4 < lines.count, !lines[next].isEmpty, let count = Int(String(decoding: lines[next + 4], as: UTF8.self)),
                count >= 0
            else {
                throw Failure(
                    "the registration cannot be understood at line \(next + 1); give --register a file made by 'nix-store --dump-db'")
            }
            paths.insert(String(decoding: lines[next], as: UTF8.self))
            next += 5 + count
        }
        return paths.sorted()
    }

    /// The image's path, from the cache or made now.
    func file(in files: RuntimeDirectory, signals: SignalInbox, _ progress: BootProgress) async throws -> String {
        let directory = CacheDirectory.ofUser()
        let path = "\(directory)/image-\(key.text).img"
        if CacheDirectory.use(path) { return path }
        do { try CacheDirectory.make(directory) } catch { throw Failure("\(error)") }
        let work = ImageWork(path: path, signals: signals, progress: progress, deadline: .after(.seconds(Self.patience)))
        // A thread of its own, which lives as long as the program that it starts.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result { try work.run(entries, files) }) }
        }
        CacheDirectory.removeOldest(in: directory, prefix: "image-", capacity: Self.capacity, sparing: path) { $0.hasSuffix(".img") }
        return path
    }
}

/// The making of one image. Only the thread that runs it uses it.
private final class ImageWork: @unchecked Sendable {
    private let path: String
    private let signals: SignalInbox
    private var progress: BootProgress
    private let deadline: Deadline
    private let start = ContinuousClock.now
    private var isToldOf = false

    init(path: String, signals: SignalInbox, progress: BootProgress, deadline: Deadline) {
        (self.path, self.signals, self.progress, self.deadline) = (path, signals, progress, deadline)
    }

    func run(_ entries: [(host: String, inImage: String)], _ files: RuntimeDirectory) throws {
        defer { progress.wipe() }
        let builder = try ImageShare.findBuilder(searchPath: DirectoryShare.path)
        // Several VMs of one system make one image.
        let lockPath = "\(path).lock"
        let lock = open(lockPath, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Failure("cannot make \(lockPath): \(Errno.current)") }
        defer { close(lock) }
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK else { throw Failure("cannot lock \(lockPath): \(Errno.current)") }
            try wait(for: nil, "waiting for another vm run to make the store's image")
        }
        defer { unlink(lockPath) }
        if CacheDirectory.use(path) { return }

        let part = "\(path).\(getpid()).part"
        defer { unlink(part) }
        let tree = files.file("image")
        try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
        var list = Data()
        for entry in entries { list += Data(entry.host.utf8) + [0] + Data(entry.inImage.utf8) + [0] }
        let input = try FileDescriptor.open(try files.write(list, to: "image-files"), .read)
        defer { input.close() }
        let logFile = files.file("image.log")
        let log = try RuntimeDirectory.makeLog(logFile)
        defer { log.close() }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var words = [own, "make-image", "--tree", tree, "--", builder] + ImageShare.builderArguments(image: part, directory: tree)
        // Mounts take root, or a namespace in which the user is root.
        if geteuid() != 0 { words = [try Self.unshare(), "--user", "--map-root-user", "--mount"] + words }
        var program = Program(words[0], Array(words.dropFirst()), environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
        (program.standardInput, program.standardOutput, program.standardError) = (input, log, log)
        let process = try program.start()
        defer { process.pidfd.close() }
        let end = try self.end(of: process, part)
        guard case .exited(0) = end, rename(part, path) == 0 else {
            let words = (FileManager.default.contents(atPath: logFile).map { String(decoding: $0, as: UTF8.self) } ?? "")
                .split(separator: "\n").suffix(3).joined(separator: "; ")
            let advice =
                words.contains("unshare") ? "; without root this needs user namespaces: run vm as root, or use another --share" : ""
            throw Failure("cannot make an image of the store: \(words.isEmpty ? "\(end)" : words)\(advice)")
        }
    }

    /// Waits until it has ended; a user who wants no more of it ends it.
    private func end(of process: ChildProcess, _ part: String) throws -> ProcessEnd {
        do {
            while true {
                if let end = process.end() { return end }
                try wait(for: process, "making an image of the store: \(Self.size(of: part))")
            }
        } catch {
            process.signalGroup(SIGKILL)
            _ = process.pidfd.waitUntilReadable(milliseconds: 5_000)
            _ = process.end()
            throw error
        }
    }

    /// Waits a moment, or less when the process ends; says what for after a second.
    private func wait(for process: ChildProcess?, _ what: String) throws(Failure) {
        var interests = [
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: process?.pidfd.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&interests, nfds_t(interests.count), 200)
        if interests[0].revents != 0, let signal = signals.nextInterruption() {
            throw Failure("interrupted while \(what)", code: 128 + signal)
        }
        guard !deadline.hasPassed else {
            throw Failure("given up after \(StoreImage.patience) s of \(what); $VM_PATIENCE gives it more seconds")
        }
        guard ContinuousClock.now - start > .seconds(1) else { return }
        if !isToldOf { progress.note("making an image of the store, which is kept for the next run: \(path)") }
        isToldOf = true
        progress.waiting(what)
    }

    private static func unshare() throws(Failure) -> String {
        let places = (DirectoryShare.path + ":/usr/bin").split(separator: ":").map { "\($0)/unshare" }
        for place in places where access(place, X_OK) == 0 { return place }
        throw Failure("cannot make an image of the store without root: there is no unshare in PATH; install the Debian package util-linux")
    }

    private static func size(of path: String) -> String {
        var status = stat()
        return stat(path, &status) == 0 ? "\(status.st_blocks >> 11) MiB" : "beginning"
    }
}
