internal import CLinux
internal import LinuxSystem

/// A root that is mounted, but is not this machine's yet: what an initrd does in it before the switch.
public enum MountedRoot {
    /// Makes `root` the root of this process and its children, with the initrd's `/proc`, `/sys`, `/dev` and `/run` in it.
    /// Nobody else sees these mounts, and they end with the process: the initrd's own switch finds everything as it left it.
    public static func enter(_ root: String) throws(StepFailure) {
        guard linux_private_mounts() == 0 else {
            throw StepFailure("cannot have mounts of our own below \(root): \(Errno.current.description)")
        }
        try RootDirectories.make(in: root, on: root)
        do throws(MountError) {
            for name in ["/proc", "/sys", "/dev", "/run"] { try Mount.bind(name, on: root + name, recursive: true) }
        } catch {
            throw StepFailure(error.text)
        }
        guard chdir(root) == 0, chroot(".") == 0 else { throw StepFailure("cannot enter \(root): \(Errno.current.description)") }
    }
}
