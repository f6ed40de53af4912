import Foundation
import Glibc
import LinuxSystem

extension MachineDescription.Disk {
    /// Finds out whether `path` can be a VM's disk, and makes an empty qcow2 image of `size` where nothing is.
    ///
    /// What exists is never written to. A new image appears whole under its name or not at all, and a file that somebody else
    /// puts there meanwhile stays theirs.
    ///
    /// - Returns: the disk, and whether it is known to hold nothing but zeros: because it was made now, or nothing is stored in it.
    /// - Throws: `DiskError`; `MachineError` when `qemu-img` is missing.
    public static func prepare(
        path: String, size: DiskSize = .standard
    ) async throws -> (disk: MachineDescription.Disk, isBlank: Bool) {
        let tool = try ImageTool()
        var status = stat()
        var isNew = false
        if stat(path, &status) != 0 {
            guard errno == ENOENT || errno == ENOTDIR else { throw DiskError.inaccessible(path: path, reason: reason(errno)) }
            isNew = try await create(path, size: size, tool: tool)
            guard stat(path, &status) == 0 else { throw DiskError.inaccessible(path: path, reason: reason(errno)) }
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return isNew ? (.init(path: path, format: .qcow2), true) : try await existingImage(path, status, tool: tool)
        case S_IFBLK: return (try blockDevice(path, status), false)
        case S_IFDIR: throw DiskError.notADisk(path: path, kind: "directory")
        case S_IFSOCK: throw DiskError.notADisk(path: path, kind: "socket")
        default: throw DiskError.notADisk(path: path, kind: "special file")
        }
    }

    private static func existingImage(
        _ path: String, _ status: stat, tool: ImageTool
    ) async throws -> (disk: MachineDescription.Disk, isBlank: Bool) {
        try checkAccess(path)
        if let use = HostDiskUse.ofFile(path) { throw DiskError.usedByHost(path: path, how: use) }
        if ImageLock.isHeld(path) { throw DiskError.inUse(path: path, users: FileUsers.of(status)) }
        // Without -U: this is refused while a QEMU has the image open for writing.
        let answer = try await tool.run(["info", "--output=json", absolute(path)])
        guard answer.isSuccess else {
            if answer.messages.contains("lock") { throw DiskError.inUse(path: path, users: FileUsers.of(status)) }
            throw DiskError.notAnImage(path: path, reason: answer.messages)
        }
        let information: ImageInformation
        do {
            information = try JSONDecoder().decode(ImageInformation.self, from: Data(answer.output.utf8))
        } catch {
            throw DiskError.notAnImage(path: path, reason: "qemu-img says what cannot be read: \(error)")
        }
        func image(_ format: DiskFormat) async -> (disk: MachineDescription.Disk, isBlank: Bool) {
            let isBlank = await ImageAllocation.isBlank(absolute(path), format, status, size: information.virtualSize, tool: tool)
            return (.init(path: path, format: format), isBlank)
        }
        switch information.format {
        case "qcow2":
            // A guest can write such a header into a raw disk, and would then read any file of its user.
            if let other = information.otherFile {
                throw DiskError.notAnImage(
                    path: path,
                    reason: "it reads from another file, \(other), which a guest could have written into a raw image; make it whole with: "
                        + "qemu-img convert -O qcow2 OLD NEW")
            }
            return await image(.qcow2)
        case "raw":
            guard status.st_size > 0, status.st_size % 512 == 0 else {
                throw DiskError.notAnImage(
                    path: path, reason: "it is neither a qcow2 image nor a raw one (\(status.st_size) bytes are no whole number of blocks)")
            }
            return await image(.raw)
        default:
            throw DiskError.notAnImage(
                path: path, reason: "its format is \(information.format); convert it with: qemu-img convert -O qcow2 OLD NEW")
        }
    }

    private static func blockDevice(_ path: String, _ status: stat) throws(DiskError) -> MachineDescription.Disk {
        try checkAccess(path)
        if let use = HostDiskUse.ofDevice(status.st_rdev, path) { throw .usedByHost(path: path, how: use) }
        if ImageLock.isHeld(path) { throw .inUse(path: path, users: FileUsers.of(status)) }
        return .init(path: path, format: .raw)
    }

    private static func checkAccess(_ path: String) throws(DiskError) {
        guard access(path, R_OK | W_OK) == 0 else { throw .inaccessible(path: path, reason: reason(errno)) }
    }

    /// Makes an image; false when somebody else's file has got the name meanwhile.
    private static func create(_ path: String, size: DiskSize, tool: ImageTool) async throws -> Bool {
        let parent = (path as NSString).deletingLastPathComponent
        let directory = parent.isEmpty ? "." : parent
        var status = stat()
        guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw DiskError.noDirectory(path: path, directory: directory)
        }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw DiskError.directoryNotWritable(path: path, directory: directory, reason: reason(errno))
        }
        // Made under a name of its own, then linked: link(2) gives the whole image its name, and never replaces a file.
        let part = absolute(directory) + "/.\((path as NSString).lastPathComponent).\(UUID().uuidString.prefix(8)).part"
        defer { unlink(part) }
        let answer = try await tool.run(["create", "-q", "-f", "qcow2", part, String(size.bytes)])
        guard answer.isSuccess else { throw DiskError.cannotCreate(path: path, reason: answer.messages) }
        if link(part, path) == 0 { return true }
        // A filesystem without hard links, such as exFAT.
        if errno == EPERM || errno == EOPNOTSUPP, Files.rename(part, toNew: path) { return true }
        guard errno == EEXIST else { throw DiskError.cannotCreate(path: path, reason: reason(errno)) }
        return false
    }

    // qemu-img reads "a:b" as protocol a, and "-x" as an option; an absolute path is neither.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
