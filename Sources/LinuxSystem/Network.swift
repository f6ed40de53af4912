internal import CLinux

/// An IPv4 address.
public struct IPv4Address: Equatable, Sendable {
    /// The address in host byte order.
    public var bits: UInt32

    /// From its four numbers.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// From four decimal numbers with points between them; nil for anything else.
    public init?(_ text: Substring) {
        var bits: UInt32 = 0
        var (numbers, digits, number) = (0, 0, UInt32(0))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "."), digits > 0, numbers < 3 {
                (bits, numbers, digits, number) = (bits << 8 | number, numbers + 1, 0, 0)
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits < 3 else { return nil }
            (number, digits) = (number * 10 + UInt32(byte - UInt8(ascii: "0")), digits + 1)
            guard number <= 255 else { return nil }
        }
        guard numbers == 3, digits > 0 else { return nil }
        self.bits = bits << 8 | number
    }

    /// `10.0.2.15`.
    public var text: String { "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)" }
}

/// Network interfaces and TCP connections.
public enum Network {
    /// Gives the interface an address and brings it up (`man 7 netdevice`).
    public static func configure(_ interface: String, _ address: IPv4Address, prefix: Int) throws(Errno) {
        guard linux_configure_interface(interface, address.bits, CInt(prefix)) == 0 else { throw .current }
    }

    /// Sends what is for other networks to `gateway`; content when there is such a route.
    public static func addDefaultRoute(through gateway: IPv4Address) throws(Errno) {
        guard linux_add_default_route(gateway.bits) != 0 else { return }
        let error = Errno.current
        guard error == .exists else { throw error }
    }

    /// Starts a TCP connection on a non-blocking socket, which the caller closes.
    ///
    /// - Returns: the socket, and whether the connection is still being made: then it becomes writable when that is
    ///   over, and `connectionError` says how.
    public static func connect(_ address: IPv4Address, port: UInt16) throws(Errno) -> (socket: FileDescriptor, inProgress: Bool) {
        var inProgress: CInt = 0
        let descriptor = linux_connect_tcp(address.bits, port, &inProgress)
        guard descriptor >= 0 else { throw .current }
        return (FileDescriptor(rawValue: descriptor), inProgress != 0)
    }

    /// Starts an AF_VSOCK connection, as `connect` does a TCP one (`man 7 vsock`).
    public static func connectVsock(cid: UInt32, port: UInt32) throws(Errno) -> (socket: FileDescriptor, inProgress: Bool) {
        var inProgress: CInt = 0
        let descriptor = linux_connect_vsock(cid, port, &inProgress)
        guard descriptor >= 0 else { throw .current }
        return (FileDescriptor(rawValue: descriptor), inProgress != 0)
    }

    /// Connects to the UNIX socket at `path`; the caller closes the connection, which does not block.
    public static func connectUnix(_ path: String) throws(Errno) -> FileDescriptor {
        let descriptor = linux_connect_unix(path)
        guard descriptor >= 0 else { throw .current }
        let connection = FileDescriptor(rawValue: descriptor)
        do throws(Errno) { try connection.setNonBlocking() } catch {
            connection.close()
            throw error
        }
        return connection
    }

    /// Why the connection on `socket` was not made, or nil.
    public static func connectionError(of socket: FileDescriptor) -> Errno? {
        let error = linux_socket_error(socket.rawValue)
        return error == 0 ? nil : Errno(error)
    }
}
