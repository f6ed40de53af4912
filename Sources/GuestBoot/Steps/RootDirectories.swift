internal import CLinux
internal import LinuxSystem

/// The directories in a new root that the later steps mount on, and that sessions begin in.
public enum RootDirectories {
    /// Makes those that are not there.
    ///
    /// - Parameter device: what the root is on, for the error.
    public static func make(in root: String, on device: String) throws(StepFailure) {
        do throws(Errno) {
            for name in ["/proc", "/sys", "/dev", "/run"] { try Files.makeDirectory(root + name) }
            try Files.makeDirectory(root + "/root", mode: 0o700)
            let temporary = root + "/tmp"
            if !Files.isDirectory(temporary) {
                try Files.makeDirectory(temporary)
                _ = chmod(temporary, 0o1777)
            }
        } catch {
            throw StepFailure(
                "cannot make directories in the root on " + device + ": " + error.description + "; make room below " + root
                    + ", or use another disk")
        }
    }
}
