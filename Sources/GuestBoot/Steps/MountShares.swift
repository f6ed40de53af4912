internal import CLinux
internal import LinuxSystem

/// Mounts directories of the host's where the guest is to have them.
enum MountShares {
    static func run(_ mounts: [SharedDirectory], root: String, progress: (String) -> Void) throws(StepFailure) -> StepResult {
        var names = ""
        for mount in mounts {
            let target: String
            do throws(Errno) {
                target = try directory(mount.directory, below: root)
            } catch {
                throw StepFailure("cannot make \(mount.directory) to mount \(mount.source.text) on: \(error.description)")
            }
            if !Mount.isMountPoint(target) { try mount.source.mount(on: target, mount.isWritable ? .writable : .readOnly, progress) }
            if !names.isEmpty { names += ", " }
            names += mount.directory + (mount.isWritable ? "" : " (read-only)")
        }
        return .done(names)
    }

    /// Makes `path` in the root to be, whose links lead to places in it, and gives the way there from here.
    static func directory(_ path: String, below root: String) throws(Errno) -> String {
        let descriptor = FileDescriptor(rawValue: linux_make_directory_below(root, path))
        guard descriptor.rawValue >= 0 else { throw .current }
        defer { descriptor.close() }
        guard let place = Files.linkTarget("/proc/self/fd/\(descriptor.rawValue)") else { throw .current }
        return place
    }
}
