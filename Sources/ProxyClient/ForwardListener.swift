import CLinux
import Glibc
import LinuxSystem

/// The host's end of a forward: sockets that take connections. They are closed, and a socket file removed, with the last
/// reference.
final class ForwardListener: Sendable {
    let forward: Forward
    /// What is polled.
    let descriptors: [CInt]
    /// Where connections are taken, for people.
    let addresses: [String]
    private let file: String?

    /// Listens.
    init(_ forward: Forward) throws(ForwardError) {
        self.forward = forward
        switch forward.host {
        case .port(let port):
            (descriptors, addresses) = try Self.listen(port)
            file = nil
        case .socket(let path):
            descriptors = [try Self.listen(path)]
            addresses = [path]
            file = path
        }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
        if let file { unlink(file) }
    }

    /// The next connection, non-blocking, which the caller closes; nil when none waits.
    ///
    /// - Throws: EMFILE, ENFILE: no descriptor is free.
    static func accept(_ descriptor: CInt) throws(Errno) -> CInt? {
        while true {
            let connection = linux_accept_now(descriptor)
            if connection >= 0 { return connection }
            switch Errno.current {
            // A connection that was given up again while it waited.
            case Errno(EINTR), Errno(ECONNABORTED), Errno(EPROTO): continue
            case Errno(EAGAIN): return nil
            case let error: throw error
            }
        }
    }

    /// Listens on both loopback addresses: a name such as localhost may stand for either.
    private static func listen(_ port: UInt16) throws(ForwardError) -> ([CInt], [String]) {
        var attempts = 0
        while true {
            attempts += 1
            let ip4 = linux_listen_address("127.0.0.1", port)
            guard ip4 >= 0 else { throw .cannotListen(address: "127.0.0.1:\(port)", .current) }
            let bound = linux_bound_port(ip4)
            let ip6 = linux_listen_address("::1", bound)
            if ip6 >= 0 { return ([ip4, ip6], ["127.0.0.1:\(bound)", "[::1]:\(bound)"]) }
            let error = Errno.current
            // A host without IPv6.
            if error == Errno(EADDRNOTAVAIL) || error == Errno(EAFNOSUPPORT) { return ([ip4], ["127.0.0.1:\(bound)"]) }
            close(ip4)
            guard port == 0, error == Errno(EADDRINUSE), attempts < 20 else {
                throw .cannotListen(address: "[::1]:\(bound)", error)
            }
        }
    }

    /// Listens at `path` with mode 0600; a dead program's socket file is replaced, a live one's never.
    private static func listen(_ path: String) throws(ForwardError) -> CInt {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard linux_is_socket(status.st_mode) != 0 else { throw .notASocket(path: path) }
            let connection = linux_connect_unix(path)
            if connection >= 0 {
                close(connection)
                throw .inUse(path: path)
            }
            guard Errno.current == Errno(ECONNREFUSED) else { throw .cannotListen(address: path, .current) }
            unlink(path)
        }
        let before = umask(0o177)
        let listener = linux_listen_unix(path)
        let error = Errno.current
        umask(before)
        guard listener >= 0 else { throw .cannotListen(address: path, error) }
        _ = linux_set_nonblocking(listener)
        return listener
    }
}
