internal import CLinux
internal import LinuxSystem

/// The switch from an initrd of somebody else's to the real root and its init, which PID 1 makes and tells nobody of.
///
/// An initramfs cannot be left by pivot_root(2): the real root is moved over `/`, and a process that began in the initramfs
/// keeps an emptied root below it. The path `/..` leads to what was moved there, and the kernel tells of changes to the
/// mounts (`man 5 proc`, `/proc/[pid]/mounts`). Of the new init it does not tell: PID 1 is looked at until it is another
/// program.
struct RootSwitch {
    /// Has an error pending whenever a mount has come, gone or moved.
    let mounts: FileDescriptor
    /// The uptime at which to look for init, in microseconds; nil before the root has come.
    private(set) var nextDeadline: UInt64?
    private let program = RootSwitch.file(RootSwitch.initProgram)

    /// How often PID 1 is looked at: every 20 ms, in microseconds.
    private static let interval: UInt64 = 20_000
    private static let initProgram = "/proc/1/exe"

    /// Nil without `/proc`.
    init?() {
        guard let file = try? FileDescriptor.open("/proc/self/mountinfo", .read) else { return nil }
        mounts = file
    }

    /// Enters the real root, once it is there.
    mutating func follow() {
        guard nextDeadline == nil, let own = RootSwitch.file("/"), let above = RootSwitch.file("/.."), own != above,
            chdir("/..") == 0, chroot(".") == 0
        else { return }
        nextDeadline = Uptime.microseconds
    }

    /// Whether PID 1 has become the real root's init.
    mutating func isOver(now: UInt64) -> Bool {
        guard let deadline = nextDeadline, deadline <= now else { return false }
        nextDeadline = now + RootSwitch.interval
        return RootSwitch.file(RootSwitch.initProgram) != program
    }

    /// What tells one file from another.
    private struct Identity: Equatable {
        var device: dev_t
        var number: ino_t
    }

    private static func file(_ path: String) -> Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(device: status.st_dev, number: status.st_ino) : nil
    }
}
