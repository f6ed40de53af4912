import Glibc

extension MachineDescription {
    /// The most memory and processors that a description may ask for; QEMU's `pc` machine has 255 processors at most.
    public static let memoryRange = 32...(1 << 20)
    /// See `memoryRange`.
    public static let coreRange = 1...255

    /// The longest command line in bytes that a kernel for x86 takes (`COMMAND_LINE_SIZE`). With more it stops before its first line.
    public static let longestCommandLine = 2_047

    /// Checks what QEMU would refuse in words that do not say which option of `vm` is meant. Looks at the boot files.
    public func validate() throws(MachineError) {
        guard MachineDescription.memoryRange.contains(memoryMiB) else {
            throw .invalidNumber(name: "memory size (MiB)", value: memoryMiB, range: MachineDescription.memoryRange)
        }
        guard MachineDescription.coreRange.contains(cores) else {
            throw .invalidNumber(name: "number of cores", value: cores, range: MachineDescription.coreRange)
        }
        guard qmpSocket.utf8.count <= UnixAddress.maximumLength else {
            throw .socketPathTooLong(path: qmpSocket, limit: UnixAddress.maximumLength)
        }
        let length = kernelParameters.joined(separator: " ").utf8.count
        guard length <= MachineDescription.longestCommandLine else {
            throw .commandLineTooLong(bytes: length, limit: MachineDescription.longestCommandLine)
        }
        try MachineDescription.check(.kernel, kernel)
        if let initrd { try MachineDescription.check(.initrd, initrd) }
    }

    private static func check(_ file: MachineError.BootFile, _ path: String) throws(MachineError) {
        var status = stat()
        guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
            throw .unreadableBootFile(file, path: path, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadableBootFile(file, path: path, reason: "it is not a file")
        }
        if let fault = BootFileKind.fault(of: path, as: file) { throw .wrongBootFile(file, path: path, fault: fault) }
    }
}
