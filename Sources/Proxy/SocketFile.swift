internal import CLinux
internal import ControlProtocol
internal import LinuxSystem

/// Listening on a path in the file system, so that a dead program's socket file is replaced and a live one's never.
enum SocketFile {
    /// Listens at `path`; the file has the mode that the umask leaves. The caller owns the descriptor and the file.
    static func listen(_ path: String) throws(SocketFileError) -> FileDescriptor {
        let length = path.utf8.count
        guard length <= ControlSocket.maximumPathLength else {
            throw .pathTooLong(path, length: length, limit: ControlSocket.maximumPathLength)
        }
        var status = CLinux.stat()
        if lstat(path, &status) == 0 {
            guard linux_is_socket(status.st_mode) != 0 else { throw .notASocket(path) }
            let connection = linux_connect_unix(path)
            if connection >= 0 {
                close(connection)
                throw .inUse(path)
            }
            let error = Errno.current
            guard error == Errno(ECONNREFUSED) else { throw .failed(path: path, call: "connect", error) }
            unlink(path)
        }
        // The process's umask is set from its start: there is no moment at which more than those it lets could connect.
        let listener = linux_listen_unix(path)
        guard listener >= 0 else { throw .failed(path: path, call: "bind", .current) }
        return FileDescriptor(rawValue: listener)
    }

    /// Opens `directory` and takes its lock, which lasts until `unlock`, or the process's end.
    static func lock(_ directory: String) throws(SocketFileError) -> FileDescriptor {
        let descriptor: FileDescriptor
        do throws(Errno) {
            descriptor = try FileDescriptor.open(directory, .directory)
        } catch {
            throw .directory(directory, error)
        }
        guard access(directory, W_OK | X_OK) == 0 else { throw .directory(directory, .current) }
        guard linux_try_lock(descriptor.rawValue) == 0 else {
            descriptor.close()
            throw .proxyRunning(directory: directory)
        }
        return descriptor
    }

    /// Gives the directory's lock back and closes its descriptor. Closing alone would not do: a program that is being started has
    /// a copy of the descriptor for a moment, and with it the lock.
    static func unlock(_ lock: FileDescriptor) {
        linux_unlock(lock.rawValue)
        lock.close()
    }
}
