internal import LinuxSystem

/// Makes a filesystem on the disk when, and only when, the disk is proved empty, or nothing has happened to it since an earlier
/// boot was cut off while it did that (`FormatMark`). The 2010 script formatted whenever
/// `blkid` printed nothing, which includes every time that it fails.
enum FormatEmptyDisk {
    static let mke2fs = "/sbin/mke2fs"

    static func run(
        device: String, filesystem: DiskFilesystem, progress: (String) -> Void
    ) throws(StepFailure) -> (result: StepResult, content: DiskContent) {
        try WaitFor.path(device, "the disk", seconds: 10)
        guard Files.isBlockDevice(device) else { throw StepFailure("\(device) is not a block device; it is not touched") }
        return try formatIfEmpty(device, filesystem, progress)
    }

    /// What `run` does with a disk that is there. `device` may also be an image file.
    static func formatIfEmpty(
        _ device: String, _ filesystem: DiskFilesystem, _ progress: (String) -> Void
    ) throws(StepFailure) -> (result: StepResult, content: DiskContent) {
        // A disk whose end cannot be read has no mark; what else it has is seen below.
        let mark = (try? FormatMark.found(on: device)) ?? nil
        if let mark, try DiskProbe.isUnused(device, since: mark, progress: progress) {
            try format(device, filesystem)
            let text = "\(device) held a format of this agent's that was cut off: made \(filesystem.rawValue) anew"
            return (.done(text), .filesystem(filesystem.rawValue))
        }
        let content = try DiskProbe.content(of: device, progress: progress)
        switch content {
        case .filesystem(let type): return (.done("\(device) holds \(type): kept"), content)
        case .occupied(let what):
            throw StepFailure(
                "\(device) is neither empty nor a filesystem: it holds \(what)"
                    + (mark == nil ? "" : ", and the mark of a format that was cut off")
                    + "; it is not touched. Use another disk image, or make a filesystem on it yourself"
            )
        case .empty: break
        }
        try format(device, filesystem)
        return (.done("\(device) was empty: made \(filesystem.rawValue)"), .filesystem(filesystem.rawValue))
    }

    private static func format(_ device: String, _ filesystem: DiskFilesystem) throws(StepFailure) {
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
