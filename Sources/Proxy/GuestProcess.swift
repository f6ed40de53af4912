internal import CLinux
internal import LinuxSystem

/// A guest's VM process, held by a pidfd: a number that was given to another process since can never be hit.
struct GuestProcess {
    let identifier: Int32
    private let pidfd: FileDescriptor

    /// Nil when there is no such process, or it is another's than `user`'s, who is root or must own it: the proxy would end it
    /// with its own rights.
    init?(_ identifier: Int32, of user: UInt32) {
        let descriptor = linux_pidfd_open(identifier)
        guard descriptor >= 0 else { return nil }
        var status = CLinux.stat()
        // The process that the pidfd holds has not ended since, so its number is nobody else's.
        guard user == 0 || (stat("/proc/\(identifier)", &status) == 0 && status.st_uid == user),
            linux_pidfd_signal(descriptor, 0) == 0 || Errno.current == Errno(EPERM)
        else {
            CLinux.close(descriptor)
            return nil
        }
        self.identifier = identifier
        pidfd = FileDescriptor(rawValue: descriptor)
    }

    var hasEnded: Bool { pidfd.waitUntilReadable(milliseconds: 0) }
    func terminate() { _ = linux_pidfd_signal(pidfd.rawValue, SIGTERM) }
    func kill() { _ = linux_pidfd_signal(pidfd.rawValue, SIGKILL) }
    func close() { pidfd.close() }
}
