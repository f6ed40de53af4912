public import CLinux

// What an open file is and can be given, by its descriptor.
extension FileDescriptor {
    /// What is known of the file.
    public func status() throws(Errno) -> FileStatus {
        var values = CLinux.stat()
        guard fstat(rawValue, &values) == 0 else { throw .current }
        return FileStatus(values)
    }

    /// Moves to the first offset from `offset` on that is data and returns it; nil when only a hole follows. EINVAL where the
    /// filesystem does not tell.
    public func seekData(from offset: Int64) throws(Errno) -> Int64? {
        let found = linux_seek_data(rawValue, offset)
        if found >= 0 { return found }
        let error = Errno.current
        if error.code == ENXIO { return nil }
        throw error
    }

    /// The first offset from `offset` on that is a hole, the end of the file at the latest; the descriptor stays at `offset`.
    public func holeOffset(from offset: Int64) throws(Errno) -> Int64 {
        let found = linux_seek_hole(rawValue, offset)
        guard found >= 0, lseek(rawValue, off_t(offset), SEEK_SET) >= 0 else { throw .current }
        return found
    }

    /// Writes all of `bytes` from `offset` on.
    public func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(rawValue, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count < 0 {
                guard Errno.current == .interrupted else { throw .current }
                continue
            }
            done += count
        }
    }

    /// Whether the file is in memory, in a tmpfs.
    public var isInMemory: Bool { linux_is_in_memory(rawValue) != 0 }
    /// Makes `length` bytes from `offset` on zeros that need no room.
    public func punchHole(at offset: Int64, _ length: Int64) throws(Errno) { try checked(linux_punch_hole(rawValue, offset, length)) }

    /// Makes the file `size` bytes long.
    public func setSize(_ size: Int64) throws(Errno) { try checked(ftruncate(rawValue, off_t(size))) }
    /// Sets permission bits, set-user-ID, set-group-ID and sticky.
    public func setMode(_ mode: mode_t) throws(Errno) { try checked(fchmod(rawValue, mode)) }
    /// Sets the owner, which clears set-user-ID and set-group-ID.
    public func setOwner(_ owner: uid_t, _ group: gid_t) throws(Errno) { try checked(fchown(rawValue, owner, group)) }
    /// Sets the times.
    public func setTimes(used: timespec, changed: timespec) throws(Errno) { try checked(futimens(rawValue, [used, changed])) }

    /// Closes it, and says what the system noticed only then, as network filesystems do.
    public func closeChecked() throws(Errno) { try checked(CLinux.close(rawValue)) }

    private func checked(_ result: CInt) throws(Errno) { if result != 0 { throw .current } }
}
