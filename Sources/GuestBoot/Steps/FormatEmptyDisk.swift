internal import LinuxSystem

/// Makes a filesystem on the disk when, and only when, the disk is proved empty. The 2010 script formatted whenever
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
        let content = try DiskProbe.content(of: device, progress: progress)
        switch content {
        case .filesystem(let type): return (.done("\(device) holds \(type): kept"), content)
        case .occupied(let what):
            throw StepFailure(
                "\(device) is neither empty nor a filesystem: it holds \(what); it is not touched. Use another disk image, or make a filesystem on it yourself"
            )
        case .empty: break
        }
        // -F: never ask. Discarding would only tell the host's image what it knows: it is empty.
        var program = Program(mke2fs, ["-q", "-F", "-t", filesystem.rawValue, "-E", "nodiscard", device])
        program.environment = [Array("PATH=/sbin:/bin".utf8), Array("MKE2FS_SYNC=0".utf8)]
        let outcome = RunProgram.run(program, seconds: 300)
        guard outcome.end == .exited(0) else {
            throw StepFailure("cannot make an \(filesystem.rawValue) filesystem on \(device): \(mke2fs): \(outcome.description)")
        }
        return (.done("\(device) was empty: made \(filesystem.rawValue)"), .filesystem(filesystem.rawValue))
    }
}
