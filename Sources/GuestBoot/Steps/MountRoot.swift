internal import LinuxSystem

/// Mounts the disk as the root to be, and makes the directories in it that the later steps mount on.
enum MountRoot {
    static func run(device: String, content: DiskContent?, root: String) throws(StepFailure) -> StepResult {
        guard case .filesystem(let type)? = content else { throw StepFailure("\(device) has no filesystem to mount on \(root)") }
        // One driver serves all of the ext family.
        let driver = type == "ext2" || type == "ext3" ? "ext4" : type
        do throws(MountError) {
            if !Files.isDirectory(root) { try? Files.makeDirectory(root) }
            try Mount.filesystem(driver, source: device, on: root)
        } catch {
            throw StepFailure(error.text)
        }
        try RootDirectories.make(in: root, on: device)
        return .done("\(device) (\(type))")
    }
}
