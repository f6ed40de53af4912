import AgentProtocol
import ArgumentParser
import ControlProtocol
import FileCopy
import Glibc
import LinuxSystem
import ProxyClient

/// `vm cp`.
struct CopyCommand: ParsableCommand, PassesSignals {
    static let configuration = CommandConfiguration(
        commandName: "cp",
        abstract: "Copy files and trees into a VM, or out of it.",
        discussion: """
            One side is NAME:PATH, a path in the VM NAME; a relative one begins at root's home. A destination that is a \
            directory takes the copy in under its own name; any other is the copy's name. A path of this machine with a ':' is \
            written ./a:b. '-' is the standard input or output, for one file.

            Modes, times, symbolic links, hard links within one copy, holes and names of any bytes are kept. FIFOs, sockets and \
            devices are left out, with a warning. Owners are kept by number in the VM, and here when root copies or --owner is \
            given. Set-user-ID and set-group-ID come out of a VM only with --owner. A file gets its name when it is complete and \
            its checksum is right: a copy that breaks off leaves no half file.

            Examples:
              vm cp notes.txt test1:              into root's home
              vm cp -r site test1:/srv            as /srv/site, or /srv when there is none
              vm cp -r test1:/var/log/. logs      what is in a directory, without its name
              vm cp test1:/etc/os-release -       to the standard output

            Exit codes: 0 everything was copied, 1 something was not, 255 the copy was cut off.
            """)

    @OptionGroup var directory: DirectoryOption

    @Flag(name: .shortAndLong, help: "Copy directories with all that is in them. A source that is a symbolic link is copied as one.")
    var recursive = false

    @Flag(name: [.customShort("x"), .long], help: "Do not descend into other file systems.")
    var oneFileSystem = false

    @Flag(inversion: .prefixedNo, help: "Keep owners and groups, by number.")
    var owner: Bool?

    @Flag(help: "Do not wait for the end of the VM's boot.")
    var now = false

    @Option(parsing: .unconditional, help: ArgumentHelp("How long to wait for a VM that is booting.", valueName: "seconds"))
    var wait: Int?

    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    @Argument(help: "What to copy, and where to.")
    var paths: [String] = []

    func validate() throws {
        guard paths.count >= 2 else { throw ValidationError("A source and a destination are needed: vm cp SOURCE … DESTINATION") }
        guard wait.map({ $0 >= 0 }) ?? true else { throw ValidationError("--wait must be 0 or more seconds.") }
        let places = paths.map { CopyPlace(Array($0.utf8)) }
        guard let destination = places.last else { return }
        for (place, text) in zip(places, paths) {
            guard case .guest(let name, _) = place, let fault = ControlSocket.fault(inGuestName: name) else { continue }
            throw ValidationError("'\(text)': '\(name)' is no VM's name: \(fault). A path of this machine with a ':' is written ./a:b.")
        }
        for (source, text) in zip(places.dropLast(), paths) where source.isRemote == destination.isRemote {
            guard source.isRemote else {
                throw ValidationError("One side must be NAME:PATH, a path in a VM: neither '\(text)' nor the destination is.")
            }
            throw ValidationError("One side must be on this machine: copy \(text) here first.")
        }
        if recursive, places.contains(.standardStream) { throw ValidationError("'-' is one file; it does not go with --recursive.") }
        if places.count > 2, destination == .standardStream { throw ValidationError("Only one file can go to '-'.") }
        if places.dropLast().count(where: { $0 == .standardStream }) > 1 { throw ValidationError("'-' can be read once.") }
    }

    func run() throws {
        // A directory's listing stays open while what is in it is copied.
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        let signals = try Failure.wrapping { try Self.inbox.get() }
        let places = RawArguments.values(paths).map { CopyPlace($0) }
        guard let destination = places.last else { return }
        var errors = 0
        for source in places.dropLast() {
            do {
                errors += try copy(source, to: destination, signals)
            } catch ProxyClientError.interrupted(let signal) {
                throw ExitCode(128 + signal)
            } catch let error as ProxyClientError { throw Failure("\(error)") }
        }
        if errors > 0 { throw ExitCode(1) }
    }

    /// Copies one source; returns how much of it could not be copied.
    private func copy(_ source: CopyPlace, to destination: CopyPlace, _ signals: SignalInbox) throws -> Int {
        var options = CopyOptions()
        options.isRecursive = recursive
        options.needsDirectory = paths.count > 2
        options.staysOnFileSystem = oneFileSystem
        let deadline = wait.map { Deadline.after(.seconds($0)) } ?? .none
        let progress = CopyProgress(isShown: !quiet && destination != .standardStream)
        defer { progress.end() }
        switch (source, destination) {
        case (.guest(let name, let path), _):
            options.keepsOwner = owner ?? (geteuid() == 0)
            options.keepsSetIDHere = owner ?? false
            let sink: CopySink = if case .file(let local) = destination { .path(local) } else { .stream(FileDescriptor(rawValue: 1)) }
            return try directory.client.copyOut(
                path, of: name, to: sink, options: options, now: now, deadline: deadline, signals: signals,
                observer: progress.observer(guest: name)
            ).errors
        case (_, .guest(let name, let path)):
            options.keepsOwner = owner ?? true
            let input: CopySource =
                if case .file(let local) = source { .path(local) } else { .stream(FileDescriptor(rawValue: 0), .input()) }
            return try directory.client.copyIn(
                input, to: path, of: name, options: options, now: now, deadline: deadline, signals: signals,
                observer: progress.observer(guest: name)
            ).errors
        default: return 0
        }
    }
}

/// One side of a copy.
enum CopyPlace: Equatable {
    /// `NAME:PATH`.
    case guest(String, [UInt8])
    /// A path of this machine.
    case file([UInt8])
    /// `-`.
    case standardStream

    init(_ word: [UInt8]) {
        if word == [UInt8(ascii: "-")] {
            self = .standardStream
        } else if let colon = word.firstIndex(of: UInt8(ascii: ":")), colon > 0, !word[..<colon].contains(UInt8(ascii: "/")) {
            self = .guest(String(decoding: word[..<colon], as: UTF8.self), Array(word[(colon + 1)...]))
        } else {
            self = .file(word)
        }
    }

    var isRemote: Bool { if case .guest = self { true } else { false } }
}

extension CopyEntry {
    /// Standard input as a file: made now, by this user.
    fileprivate static func input() -> CopyEntry {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let mask = umask(0o077)
        umask(mask)
        let time = CopyTime(seconds: Int64(now.tv_sec), nanoseconds: UInt32(truncatingIfNeeded: now.tv_nsec))
        return CopyEntry(
            .file(size: nil, link: 0), mode: UInt16(truncatingIfNeeded: 0o666 & ~mask), owner: geteuid(), group: getegid(), changed: time,
            used: time)
    }
}
