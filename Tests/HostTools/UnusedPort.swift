internal import Glibc
internal import LinuxSystem

/// A TCP port of 127.0.0.1 that refuses connections, and that no other program is given, as long as this lives.
public final class UnusedPort {
    /// As it is written after a colon.
    public let number: UInt16
    // Bound, but not listening. A listener that was closed would still take connections while a program that another test starts has it.
    private let socket: CInt

    /// - Throws: an `Errno` when no port can be had.
    public init() throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Errno.current }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (socket, size) = (socket, length)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) == 0 && getsockname(socket, $0, &length) == 0 }
        }
        number = UInt16(bigEndian: address.sin_port)
        // `deinit` closes it also when this throws.
        guard isBound else { throw Errno.current }
    }

    deinit { close(socket) }
}
