public import CLinux

/// An open file, by number. A plain value: whoever opened it closes it, once.
public struct FileDescriptor: Equatable, Hashable, Sendable {
    /// The number that the kernel knows it by.
    public var rawValue: CInt

    /// Wraps a number that is open.
    public init(rawValue: CInt) { self.rawValue = rawValue }

    /// What `open` is for.
    public struct Access: Sendable {
        let flags: CInt
        /// Reading only.
        public static var read: Access { Access(flags: O_RDONLY) }
        /// Writing to an existing file.
        public static var write: Access { Access(flags: O_WRONLY) }
        /// Reading and writing an existing file.
        public static var readWrite: Access { Access(flags: O_RDWR) }
        /// Reading and writing an existing file, neither waiting.
        public static var readWriteNonBlocking: Access { Access(flags: O_RDWR | O_NONBLOCK) }
        /// Writing a file that is made, or emptied when it exists.
        public static var create: Access { Access(flags: O_WRONLY | O_CREAT | O_TRUNC) }
        /// Writing a file that is made, and was not there.
        public static var createNew: Access { Access(flags: O_WRONLY | O_CREAT | O_EXCL) }
        /// A place in the tree, for `fchdir`; a directory.
        public static var directory: Access { Access(flags: O_RDONLY | O_DIRECTORY) }
        /// Reading without waiting for data.
        public static var readNonBlocking: Access { Access(flags: O_RDONLY | O_NONBLOCK) }
    }

    /// Opens `path`, close-on-exec (`man 2 open`).
    public static func open(_ path: String, _ access: Access, mode: mode_t = 0o644) throws(Errno) -> FileDescriptor {
        let descriptor = linux_open(path, access.flags, mode)
        guard descriptor >= 0 else { throw .current }
        return FileDescriptor(rawValue: descriptor)
    }

    /// Closes it; errors of `close(2)` say nothing that a caller could act on.
    public func close() { _ = CLinux.close(rawValue) }

    /// Reads into `buffer`: the count, 0 at the end, nil when a non-blocking descriptor has nothing now.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        try FileDescriptor.transfer { CLinux.read(rawValue, buffer.baseAddress, buffer.count) }
    }

    /// Writes from `buffer`: the count, nil when a non-blocking descriptor takes nothing now.
    public func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int? {
        try FileDescriptor.transfer { CLinux.write(rawValue, buffer.baseAddress, buffer.count) }
    }

    /// Takes at most `limit` bytes from `source`, moved by the kernel (`man 2 splice`); one of the two is a pipe, and neither is waited
    /// for. The count, 0 at the end of `source`, nil when there is nothing or no room now.
    public func splice(from source: FileDescriptor, upTo limit: Int) throws(Errno) -> Int? {
        try FileDescriptor.transfer { linux_splice(source.rawValue, rawValue, limit) }
    }

    /// Makes a call that moves bytes, again when a signal came between: the count, nil when there is nothing to move now.
    private static func transfer(_ call: () -> Int) throws(Errno) -> Int? {
        while true {
            let count = call()
            if count >= 0 { return count }
            let error = Errno.current
            if error == .interrupted { continue }
            if error == .wouldBlock { return nil }
            throw error
        }
    }

    /// Writes all of `bytes` to a blocking descriptor.
    public func writeAll(_ bytes: [UInt8]) throws(Errno) {
        var offset = 0
        while offset < bytes.count {
            let written: Result<Int, Errno> = bytes.withUnsafeBytes { buffer in
                do throws(Errno) {
                    return .success(try write(UnsafeRawBufferPointer(rebasing: buffer[offset...])) ?? 0)
                } catch { return .failure(error) }
            }
            offset += try written.get()
        }
    }

    /// Another number for the same open file, close-on-exec.
    public func duplicate() throws(Errno) -> FileDescriptor {
        let number = linux_duplicate(rawValue)
        guard number >= 0 else { throw .current }
        return FileDescriptor(rawValue: number)
    }

    /// Makes reads and writes return at once when they would wait.
    public func setNonBlocking() throws(Errno) {
        guard linux_set_nonblocking(rawValue) >= 0 else { throw .current }
    }

    /// The two ends of a new pipe, close-on-exec.
    public static func pipe() throws(Errno) -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
        var ends: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: CInt.self, capacity: 2) { linux_pipe($0) }
        }
        guard result == 0 else { throw .current }
        return (FileDescriptor(rawValue: ends.0), FileDescriptor(rawValue: ends.1))
    }

    /// Asks for room for so many bytes in a pipe, which has 64 KiB at first; it keeps what it has where that is refused.
    public func setPipeCapacity(_ bytes: CInt) { _ = linux_set_pipe_capacity(rawValue, bytes) }

    /// Two connected sockets that keep message boundaries (`SOCK_SEQPACKET`), close-on-exec.
    public static func packetPair() throws(Errno) -> (FileDescriptor, FileDescriptor) {
        var ends: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: CInt.self, capacity: 2) { linux_packet_pair($0) }
        }
        guard result == 0 else { throw .current }
        return (FileDescriptor(rawValue: ends.0), FileDescriptor(rawValue: ends.1))
    }
}

extension FileDescriptor {
    /// Waits until there is something to read, or the other end is gone; false when `milliseconds` (-1: for ever) passed.
    public func waitUntilReadable(milliseconds: Int32) -> Bool {
        var request = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        let deadline = Uptime.microseconds + UInt64(max(0, milliseconds)) * 1_000
        while true {
            let now = Uptime.microseconds
            let left = milliseconds < 0 ? -1 : Int32((max(deadline, now) - now + 999) / 1_000)
            let count = poll(&request, 1, left)
            if count >= 0 || Errno.current != Errno(EINTR) { return count > 0 }
        }
    }
}
