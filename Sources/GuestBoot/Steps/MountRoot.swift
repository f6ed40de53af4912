internal import CLinux
internal import LinuxSystem

/// Mounts the disk as the root to be, and makes the directories in it that the later steps mount on.
///
/// What was not unmounted is replayed by the kernel where it has a journal. An ext2, ext3 or ext4 in which errors were met, whose
/// state the superblock does not call clean, or which the kernel cannot mount, is checked first (`FilesystemCheck`).
enum MountRoot {
    static func run(
        device: String, content: DiskContent?, root: String, progress: (String) -> Void = { _ in }
    ) throws(StepFailure) -> StepResult {
        guard case .filesystem(let type)? = content else { throw StepFailure(device + " has no filesystem to mount on " + root) }
        if !Files.isDirectory(root) { try? Files.makeDirectory(root) }
        let isExt = ["ext2", "ext3", "ext4"].contains(type)
        var result = isExt ? try mountExt(device, type, root, progress) : try mountOther(device, type, root)
        try RootDirectories.make(in: root, on: device)
        result.detail = device + " (" + type + ")" + (result.detail.isEmpty ? "" : ": " + result.detail)
        return result
    }

    private static func mountExt(
        _ device: String, _ type: String, _ root: String, _ progress: (String) -> Void
    ) throws(StepFailure) -> StepResult {
        let found = try superblock(of: device)
        guard !found.isCutShort else {
            throw StepFailure(
                "\(device) has \(found.diskSize) bytes, and the \(type) on it \(found.byteCount): the disk was cut short; it is not "
                    + "touched. Make the disk as large as it was, or use another one")
        }
        var reason = FilesystemCheck.reason(found)
        var isChecked = false
        var mended = ""
        var wasRefused = false
        while true {
            if let reason {
                mended = try FilesystemCheck.run(device, type, because: reason, progress: progress)
                isChecked = true
            }
            do throws(MountError) {
                // One driver serves all of the family.
                try Mount.filesystem("ext4", source: device, on: root)
            } catch {
                guard !isChecked, isDamage(error.errno) else { throw StepFailure(error.text + FilesystemCheck.wayOut(device)) }
                reason = error.text
                wasRefused = true
                continue
            }
            // The journal may tell of errors, too; then the kernel mounts what it should not, with a warning.
            guard !isChecked, try superblock(of: device).hasErrors else { break }
            reason = "its journal tells of errors that were met in it"
            guard umount2(root, 0) == 0 else {
                throw StepFailure("cannot unmount " + root + " to check " + device + ": " + Errno.current.description)
            }
        }
        if !mended.isEmpty || wasRefused { return .warning("e2fsck mended it" + (mended.isEmpty ? "" : ": " + mended)) }
        if let reason { return .done(reason + "; e2fsck found nothing wrong") }
        return .done(found.needsReplay ? "it was not unmounted; its journal was replayed" : "")
    }

    private static func superblock(of device: String) throws(StepFailure) -> ExtSuperblock {
        do throws(Errno) { return try ExtSuperblock(of: device) } catch {
            throw StepFailure("cannot read the superblock of " + device + ": " + error.description)
        }
    }

    /// Whether the kernel's ext4 gives this error for what is on the disk: e2fsck then knows more. A disk that cannot be read, EIO, is
    /// not written to.
    private static func isDamage(_ error: Errno) -> Bool {
        error.code == EINVAL || error.code == EUCLEAN || error.code == EBADMSG
    }

    /// Other filesystems replay their logs themselves. What the kernel had to warn of is told.
    private static func mountOther(_ device: String, _ type: String, _ root: String) throws(StepFailure) -> StepResult {
        let kernelLog = KernelLogReader()
        defer { kernelLog?.close() }
        do throws(MountError) { try Mount.filesystem(type, source: device, on: root) } catch { throw StepFailure(error.text) }
        let warnings = kernelLog?.newMessages(priority: 4) ?? []
        return warnings.isEmpty ? .done() : .warning(warnings.joined(separator: "; "))
    }
}
