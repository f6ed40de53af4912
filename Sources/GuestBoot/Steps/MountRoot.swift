internal import CLinux
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
        do throws(Errno) {
            for name in ["proc", "sys", "dev", "run"] { try Files.makeDirectory("\(root)/\(name)") }
            try Files.makeDirectory("\(root)/root", mode: 0o700)
            if !Files.isDirectory("\(root)/tmp") {
                try Files.makeDirectory("\(root)/tmp")
                _ = chmod("\(root)/tmp", 0o1777)
            }
        } catch {
            throw StepFailure("cannot make directories in the root on \(device): \(error.description)")
        }
        return .done("\(device) (\(type))")
    }
}
