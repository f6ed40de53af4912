import Glibc

/// The locks by which QEMU's programs keep each other off an image (QEMU, `block/file-posix.c`): a byte of the file for each thing
/// that its user does, and one for each that no other may do. Only asked about here, never taken.
enum ImageLock {
    /// What a VM's disk is opened for, and what it does not let others do: `BLK_PERM_CONSISTENT_READ`, `WRITE` and `RESIZE`.
    private static let permissions: [off_t] = [0, 1, 3]
    /// Where the locks of those who do something begin, and of those who do not let others do it.
    private static let (used, denied): (off_t, off_t) = (100, 200)

    /// Whether somebody uses the image at `path` in a way that a VM's use would conflict with: writes to it, or relies on its content.
    static func isHeld(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return false }
        defer { close(file) }
        return permissions.contains { isLocked(file, denied + $0) } || [1, 3].contains { isLocked(file, used + $0) }
    }

    private static func isLocked(_ file: CInt, _ place: off_t) -> Bool {
        var lock = flock()
        (lock.l_type, lock.l_whence) = (Int16(F_WRLCK), Int16(SEEK_SET))
        (lock.l_start, lock.l_len) = (place, 1)
        // F_OFD_GETLK of <fcntl.h>, which Swift does not import.
        guard fcntl(file, 36, &lock) == 0 else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }
}
