internal import CLinux
internal import LinuxSystem

/// Makes a filesystem on the disk when, and only when, the disk is proved empty, or nothing has happened to it since an earlier
/// boot was cut off while it did that (`FormatMark`). The 2010 script formatted whenever
/// `blkid` printed nothing, which includes every time that it fails. `vm.format=` may forbid or demand it (`FormatPolicy`).
enum FormatEmptyDisk {
    static let mke2fs = "/sbin/mke2fs"

    static func run(
        device: String, filesystem: DiskFilesystem, when policy: FormatPolicy = .empty, progress: (String) -> Void
    ) throws(StepFailure) -> (result: StepResult, content: DiskContent) {
        try WaitFor.path(device, "the disk", seconds: 10)
        guard Files.isBlockDevice(device) else { throw StepFailure("\(device) is not a block device; it is not touched") }
        return policy == .always
            ? try formatAnyway(device, filesystem, progress)
            : try formatIfEmpty(device, filesystem, isAllowed: policy == .empty, progress)
    }

    /// What `run` does with a disk that is there, unless it is always to be formatted. `device` may also be an image file.
    static func formatIfEmpty(
        _ device: String, _ filesystem: DiskFilesystem, isAllowed: Bool = true, _ progress: (String) -> Void
    ) throws(StepFailure) -> (result: StepResult, content: DiskContent) {
        // A disk whose end cannot be read has no mark; what else it has is seen below.
        let mark = (try? FormatMark.found(on: device)) ?? nil
        if let mark, try DiskProbe.isUnused(device, since: mark, progress: progress) {
            guard isAllowed else { throw forbidden(device + " holds a format of this agent's that was cut off") }
            try format(device, filesystem)
            let text = device + " held a format of this agent's that was cut off: made " + filesystem.rawValue + " anew"
            return (.done(text), .filesystem(filesystem.rawValue))
        }
        let content = try DiskProbe.content(of: device, progress: progress)
        switch content {
        case .filesystem(let type): return (.done(device + " holds " + type + ": kept"), content)
        case .occupied(let what):
            throw StepFailure(
                device + " is neither empty nor a filesystem: it holds " + what
                    + (mark == nil ? "" : ", and the mark of a format that was cut off")
                    + "; it is not touched. Use another disk image, make a filesystem on it yourself, or destroy what it holds with "
                    + "vm.format=always"
            )
        case .empty: break
        }
        guard isAllowed else { throw forbidden(device + " is empty") }
        try format(device, filesystem)
        return (.done(device + " was empty: made " + filesystem.rawValue), .filesystem(filesystem.rawValue))
    }

    private static func forbidden(_ finding: String) -> StepFailure {
        StepFailure(finding + ", and vm.format=never forbids to format it; use a disk with a filesystem, or vm.format=empty")
    }

    /// Formats the disk whatever is on it, and says what that was, before it is destroyed and after.
    static func formatAnyway(
        _ device: String, _ filesystem: DiskFilesystem, _ progress: (String) -> Void
    ) throws(StepFailure) -> (result: StepResult, content: DiskContent) {
        try requireUnclaimed(device)
        let loss = DiskProbe.loss(on: device, progress: progress)
        if let loss {
            let text = "destroying what " + device + " holds: " + loss
            writeKernelLog(.notice, text)
            progress(text)
            do throws(Errno) { try wipeEnds(of: device) } catch {
                throw StepFailure("cannot overwrite the signatures on " + device + ": " + error.description)
            }
        }
        try format(device, filesystem)
        let text = loss.map { "destroyed what " + device + " held: " + $0 + "; made " } ?? device + " was empty: made "
        return (.done(text + filesystem.rawValue), .filesystem(filesystem.rawValue))
    }

    /// Zeroes the first and the last 4 MiB, where all signatures are: mke2fs leaves those that it does not overwrite, and the next
    /// boot would find two kinds on the disk.
    private static func wipeEnds(of device: String) throws(Errno) {
        let file = try FileDescriptor.open(device, .readWrite)
        defer { file.close() }
        let size = Int64(lseek(file.rawValue, 0, SEEK_END))
        guard size >= 0 else { throw .current }
        let length = min(size, 4 << 20)
        let zeros = [UInt8](repeating: 0, count: Int(length))
        for place in [0, size - length] {
            guard lseek(file.rawValue, off_t(place), SEEK_SET) >= 0 else { throw .current }
            try file.writeAll(zeros)
        }
        guard fsync(file.rawValue) == 0 else { throw .current }
    }

    /// A boot that is resumed, or another initrd, may have mounted it.
    private static func requireUnclaimed(_ device: String) throws(StepFailure) {
        guard linux_is_claimed(device) == 1 else { return }
        throw StepFailure(device + " is in use: it is mounted, or another device is built on it; it is not formatted. Unmount it first")
    }

    private static func format(_ device: String, _ filesystem: DiskFilesystem) throws(StepFailure) {
        try requireUnclaimed(device)
        let mark: FormatMark?
        do throws(Errno) {
            mark = try FormatMark.new(for: device)
            try mark?.write(to: device)
        } catch {
            throw StepFailure("cannot note at the end of \(device) that it is being formatted: \(error.description)")
        }
        try make(filesystem, on: device, mark)
        do throws(Errno) {
            try mark?.clear(from: device)
        } catch {
            throw StepFailure("cannot note at the end of \(device) that it is formatted: \(error.description)")
        }
    }

    private static func make(_ filesystem: DiskFilesystem, on device: String, _ mark: FormatMark?) throws(StepFailure) {
        // -F: never ask. Discarding would only tell the host's image what it knows: it is empty.
        var arguments = ["-q", "-F", "-t", filesystem.rawValue, "-E", "nodiscard"]
        if let mark { arguments += ["-U", mark.uuidText] }
        arguments.append(device)
        if let mark { arguments.append(mark.filesystemSize) }
        var program = Program(mke2fs, arguments)
        program.environment = [Array("PATH=/sbin:/bin".utf8), Array("MKE2FS_SYNC=0".utf8)]
        let outcome = RunProgram.run(program, seconds: 300)
        guard outcome.end == .exited(0) else {
            throw StepFailure("cannot make an \(filesystem.rawValue) filesystem on \(device): \(mke2fs): \(outcome.description)")
        }
    }
}
