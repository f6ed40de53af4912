import Glibc

/// Whole files of the host.
enum HostFile {
    /// The most that a file of an initrd can have.
    static let maximumSize = Archive.maximumFileSize

    /// The bytes of the regular file at `path`, through symbolic links.
    static func read(_ path: String) throws(FileError) -> [UInt8] { try readWithPermissions(path).bytes }

    /// The bytes and the permission bits of the regular file at `path`.
    static func readWithPermissions(_ path: String) throws(FileError) -> (bytes: [UInt8], permissions: UInt16) {
        // O_NONBLOCK: opening a pipe by mistake must not wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .failed(action: .read, path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .failed(action: .read, path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        guard status.st_size <= maximumSize else { throw .tooLarge(path: path, size: Int(status.st_size)) }

        let size = Int(status.st_size)
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), size - count)
                if got > 0 { count += got } else if got == 0 { break } else if errno != EINTR { failure = errno; break }
            }
        }
        guard failure == 0 else { throw .failed(action: .read, path: path, code: failure) }
        return (bytes, UInt16(status.st_mode & 0o7777))
    }

    /// Makes `bytes` the content of `path` in one step: readers see the old file or the whole new one, never a part.
    ///
    /// - Throws: `notAFile` when something that is not a regular file is at `path`.
    static func write(_ bytes: [UInt8], to path: String, permissions: mode_t = 0o644) throws(FileError) {
        var status = stat()
        // A rename would put a file in the place of `/dev/stdout`.
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { throw .notAFile(path: path) }
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw .failed(action: .write, path: path, code: errno) }
        var code: Int32 = 0
        bytes.withUnsafeBytes { buffer in
            var count = 0
            while count < buffer.count, code == 0 {
                let put = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
                if put >= 0 { count += put } else if errno != EINTR { code = errno }
            }
        }
        if close(descriptor) != 0, code == 0 { code = errno }
        if code == 0, rename(temporary, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(temporary)
            throw .failed(action: .write, path: path, code: code)
        }
    }
}
