internal import CLinux
internal import LinuxSystem

/// A guest's VM process, held by a pidfd: a number that was given to another process since can never be hit.
struct GuestProcess {
    let identifier: Int32
    private let pidfd: FileDescriptor

    /// Nil when there is no such process, or it may not be watched.
    init?(_ identifier: Int32) {
        let descriptor = linux_pidfd_open(identifier)
        guard descriptor >= 0 else { return nil }
        self.identifier = identifier
        pidfd = FileDescriptor(rawValue: descriptor)
    }

    var hasEnded: Bool { pidfd.waitUntilReadable(milliseconds: 0) }
    func terminate() { _ = linux_pidfd_signal(pidfd.rawValue, SIGTERM) }
    func kill() { _ = linux_pidfd_signal(pidfd.rawValue, SIGKILL) }
    func close() { pidfd.close() }
}
