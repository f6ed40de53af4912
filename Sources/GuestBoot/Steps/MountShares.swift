internal import LinuxSystem

/// Mounts directories of the host's where the guest is to have them.
enum MountShares {
    static func run(_ mounts: [SharedDirectory], root: String, progress: (String) -> Void) throws(StepFailure) -> StepResult {
        var names = ""
        for mount in mounts {
            do throws(Errno) {
                try Files.makeDirectory(root + mount.directory)
            } catch {
                throw StepFailure("cannot make \(mount.directory) to mount \(mount.source.text) on: \(error.description)")
            }
            let target = root + mount.directory
            if !Mount.isMountPoint(target) { try mount.source.mount(on: target, mount.isWritable ? .writable : .readOnly, progress) }
            if !names.isEmpty { names += ", " }
            names += mount.directory + (mount.isWritable ? "" : " (read-only)")
        }
        return .done(names)
    }
}
