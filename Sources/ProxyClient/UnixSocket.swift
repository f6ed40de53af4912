import Glibc
import LinuxSystem

/// A connected UNIX stream socket, owned: closed with its last reference. Non-blocking.
final class UnixSocket: Sendable {
    let descriptor: CInt

    /// Takes over `descriptor`.
    init(owning descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Connects to the socket file `name` in `directory`, however long the directory's path is: a socket's address has room for
    /// 107 bytes, so the directory is opened and named by its descriptor.
    convenience init(directory: String, name: String) throws(Errno) {
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .current }
        defer { close(folder) }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .current }
        self.init(owning: descriptor)

        // Connecting waits while the listener's queue is full; this bounds it (`man 7 socket`).
        var bound = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("/proc/self/fd/\(folder)/\(name)".utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno(ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw .current }
        guard fcntl(descriptor, F_SETFL, O_RDWR | O_NONBLOCK) == 0 else { throw .current }
    }
}
