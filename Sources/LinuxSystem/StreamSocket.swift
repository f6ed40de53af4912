internal import CLinux

/// A connected stream socket, or one whose connection is being made; non-blocking. The caller closes it.
public struct StreamSocket: Sendable {
    /// The socket.
    public let descriptor: FileDescriptor
    /// Whether the connection is still being made: then the socket becomes writable when that is over, and
    /// `Network.connectionError` says how.
    public let isConnecting: Bool

    /// Starts a TCP connection to an IPv4 or IPv6 address in text.
    ///
    /// - Throws: EINVAL for a text that is no address; what `socket` or `connect` say (`man 7 tcp`).
    public static func tcp(_ address: String, port: UInt16) throws(Errno) -> StreamSocket {
        var inProgress: CInt = 0
        let descriptor = linux_connect_address(address, port, &inProgress)
        guard descriptor >= 0 else { throw .current }
        return StreamSocket(descriptor: FileDescriptor(rawValue: descriptor), isConnecting: inProgress != 0)
    }

    /// Connects to a UNIX stream socket: a path, or, with a first byte of 0, a name in the abstract namespace.
    ///
    /// - Throws: EAGAIN while the listener's queue is full; nothing tells when it is no longer.
    public static func unix(_ path: [UInt8]) throws(Errno) -> StreamSocket {
        let descriptor = path.withUnsafeBytes { linux_connect_unix_now($0.baseAddress, $0.count) }
        guard descriptor >= 0 else { throw .current }
        return StreamSocket(descriptor: FileDescriptor(rawValue: descriptor), isConnecting: false)
    }
}

extension FileDescriptor {
    /// Says to the peer of a socket that no more is sent; receiving goes on (`man 2 shutdown`).
    public func finishSending() throws(Errno) {
        guard linux_finish_sending(rawValue) == 0 else { throw .current }
    }

    /// Lets a TCP peer see a reset, not an end in order, when this socket is closed.
    public func resetOnClose() { linux_reset_on_close(rawValue) }

    /// Closes a socket so that a TCP peer sees a reset, not an end in order.
    public func closeWithReset() {
        resetOnClose()
        close()
    }

    /// Reads at most `count` bytes: none at the end, nil when a non-blocking descriptor has nothing now.
    public func read(upTo count: Int) throws(Errno) -> [UInt8]? {
        var failure: Errno?
        var got: Int?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Errno) { got = try read(into: UnsafeMutableRawBufferPointer(buffer)) } catch { failure = error }
            initialized = got ?? 0
        }
        if let failure { throw failure }
        return got == nil ? nil : bytes
    }
}
