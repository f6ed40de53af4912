import Foundation
import Glibc

/// Files that only this user can read.
enum PrivateFiles {
    /// Makes the directory, mode 0700, or takes one that is there already if it is this user's own.
    static func makeDirectory(_ path: String) throws(ShareError) {
        if mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else { throw .cannotPrepare(path: path, reason: reason(errno)) }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .cannotPrepare(path: path, reason: reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw .cannotPrepare(path: path, reason: "it exists and is not a private directory of this user (mode 0700)")
        }
    }

    /// Makes `path` a symbolic link to `target`, in place of an older link.
    static func makeSymbolicLink(_ path: String, to target: String) throws(ShareError) {
        if unlink(path) != 0, errno != ENOENT { throw .cannotPrepare(path: path, reason: reason(errno)) }
        guard symlink(target, path) == 0 else { throw .cannotPrepare(path: path, reason: reason(errno)) }
    }

    /// Writes a file of mode 0600, whole or not at all.
    static func write(_ text: String, to path: String) throws(ShareError) {
        let part = path + ".part"
        let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .cannotPrepare(path: path, reason: reason(errno)) }
        do {
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        } catch {
            throw .cannotPrepare(path: path, reason: "\(error)")
        }
        guard rename(part, path) == 0 else { throw .cannotPrepare(path: path, reason: reason(errno)) }
    }

    /// The name of the user who runs this process; the number where the system has no name for it.
    static var userName: String {
        guard let entry = getpwuid(geteuid()) else { return String(geteuid()) }
        return String(cString: entry.pointee.pw_name)
    }

    static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
