public import CLinux

/// An open directory, and what can be done with the names in it. A name is never followed when it is a symbolic link, except
/// where `followsLinks` says so. A plain value: whoever opened it closes it, once.
public struct OpenDirectory: Sendable {
    /// The directory's descriptor.
    public var descriptor: FileDescriptor

    /// The process's working directory, for names that are paths. Not to be closed.
    public static var working: OpenDirectory { OpenDirectory(descriptor: FileDescriptor(rawValue: AT_FDCWD)) }

    private var number: CInt { descriptor.rawValue }

    /// Closes it.
    public func close() { descriptor.close() }

    // MARK: Looking

    /// Opens the directory `name`; ENOTDIR when it is something else, also a link.
    public func directory(_ name: FileName, followsLinks: Bool = false) throws(Errno) -> OpenDirectory {
        OpenDirectory(descriptor: try opened(linux_open_directory(number, name.characters, followsLinks ? 1 : 0)))
    }

    /// Opens the file `name` for reading; ELOOP when it is a link.
    public func file(_ name: FileName, followsLinks: Bool = false) throws(Errno) -> FileDescriptor {
        try opened(linux_open_to_read(number, name.characters, followsLinks ? 1 : 0))
    }

    /// What is known of `name`.
    public func status(of name: FileName, followsLinks: Bool = false) throws(Errno) -> FileStatus {
        var values = CLinux.stat()
        guard fstatat(number, name.characters, &values, followsLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else { throw .current }
        return FileStatus(values)
    }

    /// What the symbolic link `name` holds.
    public func linkTarget(_ name: FileName) throws(Errno) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(number, name.characters, &buffer, buffer.count)
        guard count >= 0 else { throw .current }
        return buffer[..<count].map { UInt8(bitPattern: $0) }
    }

    // MARK: Making

    /// Makes a directory.
    public func makeDirectory(_ name: FileName, mode: mode_t) throws(Errno) { try checked(mkdirat(number, name.characters, mode)) }

    /// Makes a file for writing, mode 0600, that must not exist.
    public func createFile(_ name: FileName) throws(Errno) -> FileDescriptor {
        try opened(linux_create_file(number, name.characters))
    }

    /// Makes a file to read and write, mode 0600, that has no name and is gone when it is closed without one. EOPNOTSUPP, EISDIR or
    /// EINVAL where the filesystem cannot.
    public func createUnnamedFile() throws(Errno) -> FileDescriptor { try opened(linux_create_unnamed(number)) }

    /// Gives a file from `createUnnamedFile` the name `name`, which must not exist. ENOENT where there is no `/proc`.
    public func name(_ unnamed: FileDescriptor, _ name: FileName) throws(Errno) {
        try checked(linux_name_unnamed(unnamed.rawValue, number, name.characters))
    }

    /// Makes a symbolic link.
    public func makeLink(_ name: FileName, to target: FileName) throws(Errno) {
        try checked(symlinkat(target.characters, number, name.characters))
    }

    /// Gives the file `existing` of `other` a further name here.
    public func link(_ name: FileName, to existing: FileName, in other: OpenDirectory) throws(Errno) {
        try checked(linkat(other.number, existing.characters, number, name.characters, 0))
    }

    // MARK: Changing

    /// Gives `name` the name `new`, in place of what has it.
    public func rename(_ name: FileName, to new: FileName) throws(Errno) {
        try checked(renameat(number, name.characters, number, new.characters))
    }

    /// Takes the name `name`, no directory's, away.
    public func remove(_ name: FileName) throws(Errno) { try checked(unlinkat(number, name.characters, 0)) }

    /// Sets the owner of `name`, links not followed.
    public func setOwner(of name: FileName, _ owner: uid_t, _ group: gid_t) throws(Errno) {
        try checked(fchownat(number, name.characters, owner, group, AT_SYMLINK_NOFOLLOW))
    }

    /// Sets the times of `name`, links not followed.
    public func setTimes(of name: FileName, used: timespec, changed: timespec) throws(Errno) {
        try checked(utimensat(number, name.characters, [used, changed], AT_SYMLINK_NOFOLLOW))
    }

    private func opened(_ result: CInt) throws(Errno) -> FileDescriptor {
        guard result >= 0 else { throw .current }
        return FileDescriptor(rawValue: result)
    }

    private func checked(_ result: CInt) throws(Errno) { if result != 0 { throw .current } }
}

/// The names in a directory, one after the other, `.` and `..` left out. Owns its descriptor.
public struct DirectoryListing {
    private let stream: OpaquePointer

    /// Takes over `directory`, also when it throws.
    public init(_ directory: OpenDirectory) throws(Errno) {
        guard let stream = fdopendir(directory.descriptor.rawValue) else {
            let error = Errno.current
            directory.close()
            throw error
        }
        self.stream = stream
    }

    /// The directory that is listed.
    public var directory: OpenDirectory { OpenDirectory(descriptor: FileDescriptor(rawValue: dirfd(stream))) }

    /// The next name; nil after the last.
    public func next() throws(Errno) -> FileName? {
        guard let name = linux_next_name(stream) else {
            let error = Errno.current
            if error.code == 0 { return nil }
            throw error
        }
        return FileName(UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }

    /// Closes the directory.
    public func close() { closedir(stream) }
}
