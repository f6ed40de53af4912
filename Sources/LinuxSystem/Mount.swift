internal import CLinux

/// Why a filesystem could not be mounted: which, where, and the kernel's own words.
public struct MountError: Error, Equatable, Sendable {
    /// What was to be mounted: a device, `//server/share`, `tmpfs`.
    public var source: String
    /// Where.
    public var target: String
    /// The filesystem type, or `bind` and `move`.
    public var type: String
    /// The call that failed: `fsopen`, `fsconfig KEY`, `create`, `fsmount`, `move_mount`, `mount_setattr` …
    public var call: String
    /// The call's error number.
    public var errno: Errno
    /// What the kernel said of it: the mount context's log, then the kernel log of that moment. One line each.
    public var messages: [String]

    /// One sentence: object, action, cause.
    public var text: String {
        var text = "cannot mount \(source) on \(target) (\(type)): \(call): \(errno.description)"
        for message in messages { text += "; " + message }
        return text
    }
}

/// One option of a filesystem, as `fsconfig(2)` takes it.
public enum MountOption: Equatable, Sendable {
    /// `name`.
    case flag(String)
    /// `name=value`.
    case value(String, String)
}

/// Mounting with the kernel's own calls (`man 2 fsopen`, `man 2 mount_setattr`): no libmount, no mtab, no shell.
public enum Mount {
    /// Attributes of a mount, not of the filesystem: `MOUNT_ATTR_…`.
    public struct Attributes: OptionSet, Sendable {
        /// The kernel's bits.
        public let rawValue: UInt64
        /// From the kernel's bits.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Nothing can be written through this mount.
        public static let readOnly = Attributes(rawValue: 0x1)
        /// Set-user-ID bits have no effect.
        public static let noSetuid = Attributes(rawValue: 0x2)
        /// Device files have no effect.
        public static let noDevices = Attributes(rawValue: 0x4)
    }

    /// Makes a filesystem of `type` and attaches it to the existing directory `target`.
    ///
    /// The `source` option is set from `source` for every type. Messages are read from the mount context and from the kernel log
    /// of the moment: CIFS and overlayfs name wrong options in the one, and what else is wrong in the other.
    public static func filesystem(
        _ type: String, source: String, on target: String, options: [MountOption] = [], attributes: Attributes = []
    ) throws(MountError) {
        let kernelLog = KernelLogReader()
        defer { kernelLog?.close() }
        let context = fsopen(type, UInt32(FSOPEN_CLOEXEC))
        func failure(_ call: String) -> MountError {
            let errno = Errno.current
            var messages = context >= 0 ? contextMessages(context) : []
            for message in kernelLog?.newMessages(limit: 32) ?? [] where concerns(message, type, source) { messages.append(message) }
            return MountError(source: source, target: target, type: type, call: call, errno: errno, messages: messages)
        }
        guard context >= 0 else { throw failure("fsopen") }
        defer { CLinux.close(context) }
        guard linux_fsconfig_string(context, "source", source) == 0 else { throw failure("fsconfig source") }
        for option in options {
            switch option {
            case .flag(let key):
                guard linux_fsconfig_flag(context, key) == 0 else { throw failure("fsconfig \(key)") }
            case .value(let key, let value):
                guard linux_fsconfig_string(context, key, value) == 0 else { throw failure("fsconfig \(key)=\(value)") }
            }
        }
        guard linux_fsconfig_create(context) == 0 else { throw failure("create") }
        let mount = fsmount(context, UInt32(FSMOUNT_CLOEXEC), UInt32(attributes.rawValue))
        guard mount >= 0 else { throw failure("fsmount") }
        defer { CLinux.close(mount) }
        guard move_mount(mount, "", AT_FDCWD, target, UInt32(MOVE_MOUNT_F_EMPTY_PATH)) == 0 else { throw failure("move_mount") }
    }

    /// Mounts a tmpfs whose files get large pages where who writes them asks for such (`huge=advise`), as a copy does; without that where
    /// the kernel has none.
    public static func memory(source: String, on target: String, mode: String) throws(MountError) {
        do throws(MountError) {
            try filesystem("tmpfs", source: source, on: target, options: [.value("mode", mode), .value("huge", "advise")])
        } catch {
            try filesystem("tmpfs", source: source, on: target, options: [.value("mode", mode)])
        }
    }

    /// Shows the tree at `source` also at `target`, with mounts below it when `recursive`. What is mounted on one of them later does
    /// not appear on the other, though systemd has made all mounts shared (`man 7 mount_namespaces`).
    public static func bind(_ source: String, on target: String, recursive: Bool = false) throws(MountError) {
        let depth = recursive ? UInt(MS_REC) : 0
        guard mount(source, target, nil, UInt(MS_BIND) | depth, nil) == 0, mount(nil, target, nil, UInt(MS_PRIVATE) | depth, nil) == 0
        else { throw plain(source, target, "bind", "mount") }
    }

    /// Makes the mount at `target` one of its own: what is mounted on it later is not mounted on its copies, too, as it would be
    /// where systemd is PID 1 (`man 7 mount_namespaces`, shared subtrees).
    public static func makePrivate(_ target: String) throws(MountError) {
        guard mount(nil, target, nil, UInt(MS_PRIVATE), nil) == 0 else { throw plain(target, target, "private", "mount") }
    }

    /// Moves the mount at `source` to `target` (`man 2 mount`, MS_MOVE).
    public static func move(_ source: String, to target: String) throws(MountError) {
        guard mount(source, target, nil, UInt(MS_MOVE), nil) == 0 else { throw plain(source, target, "move", "mount") }
    }

    /// Adds attributes to the mount at `target`, which stays as it is otherwise.
    public static func setAttributes(_ attributes: Attributes, of target: String) throws(MountError) {
        guard linux_set_mount_attributes(target, attributes.rawValue, 0) == 0 else {
            throw plain(target, target, "attributes", "mount_setattr")
        }
    }

    /// Makes the filesystem at `target` itself read-only, so that it is clean when the machine stops.
    public static func remountReadOnly(_ target: String) throws(MountError) {
        let flags = UInt(MS_REMOUNT) | UInt(MS_RDONLY)
        guard mount(nil, target, nil, flags, nil) == 0 else { throw plain(target, target, "remount", "mount") }
    }

    /// Where filesystems of block devices are mounted that can still be written to, by this process's `mountinfo`.
    public static var writableDisks: [String] { writableDisks(mountinfo: (try? Files.read("/proc/self/mountinfo")) ?? []) }

    /// The same of a text like that of `/proc/PID/mountinfo` (`man 5 proc`). A filesystem without a device has major number 0.
    static func writableDisks(mountinfo: [UInt8]) -> [String] {
        var targets: [String] = []
        for line in String(decoding: mountinfo, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 3 else { continue }
            let options = fields[dash + 3]
            guard !fields[2].hasPrefix("0:"), options == "rw" || options.hasPrefix("rw,") else { continue }
            targets.append(String(fields[4]))
        }
        return targets
    }

    /// True when something is mounted exactly at `path`: its device differs from that of the directory above it.
    public static func isMountPoint(_ path: String) -> Bool {
        var here = CLinux.stat()
        var above = CLinux.stat()
        guard stat(path, &here) == 0, stat(path + "/..", &above) == 0 else { return false }
        return here.st_dev != above.st_dev || here.st_ino == above.st_ino
    }

    /// Whether a message of the kernel's is of this filesystem or its device, and not of what else goes on at the moment. The warning of
    /// CIFS that it is told to speak SMB1, which is meant, says nothing of a failure.
    private static func concerns(_ message: String, _ type: String, _ source: String) -> Bool {
        let device = source.pathParts.last.map { Array($0.utf8) } ?? []
        return (contains(message, Array(type.utf8)) || contains(message, device)) && !contains(message, Array("less secure dialect".utf8))
    }

    /// Whether `text` has `part` in it, small and large letters being the same.
    private static func contains(_ text: String, _ part: [UInt8]) -> Bool {
        let text = Array(text.utf8)
        var place = 0
        while place + part.count <= text.count {
            if (0..<part.count).allSatisfy({ text[place + $0] | 0x20 == part[$0] | 0x20 }) { return true }
            place += 1
        }
        return false
    }

    private static func plain(_ source: String, _ target: String, _ type: String, _ call: String) -> MountError {
        MountError(source: source, target: target, type: type, call: call, errno: .current, messages: [])
    }

    /// Reading a mount context's descriptor returns its log, a message a read: `e cifs: Unknown parameter 'nonsense'`.
    private static func contextMessages(_ context: CInt) -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while messages.count < 8 {
            let count = buffer.withUnsafeMutableBytes { read(context, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            var line = buffer[..<count]
            while line.last == UInt8(ascii: "\n") { line.removeLast() }
            if line.count > 2, line[line.startIndex + 1] == UInt8(ascii: " ") { line = line.dropFirst(2) }
            messages.append(String(decoding: line, as: UTF8.self))
        }
        return messages
    }
}
