import Glibc

/// A disk image that was made for a run, and that is of no use when the run comes to nothing.
public struct NewImage: Sendable {
    private let path: String
    private let inode: UInt
    private let changed: (seconds: Int, nanoseconds: Int)

    init(path: String, _ status: stat) {
        self.path = path
        inode = UInt(status.st_ino)
        changed = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }

    /// Removes it, unless it is another file by now, or somebody has written to it, or has it open as a disk.
    public func removeUnused() {
        var status = stat()
        guard stat(path, &status) == 0, UInt(status.st_ino) == inode, changed == (status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
            !ImageLock.isHeld(path)
        else { return }
        unlink(path)
    }
}
