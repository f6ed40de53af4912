import Glibc

/// Finds the programs of an initrd on the host when nobody says where they are.
public enum ProgramLocation {
    /// The static agent: `$VM_AGENT`, else `vm-agent` beside the running executable.
    public static func agent() throws(InitrdError) -> String {
        if let path = environment("VM_AGENT") { return path }
        let executable = HostPath.canonicalPath("/proc/self/exe") ?? "/proc/self/exe"
        let path = HostPath.directory(of: executable) + "/vm-agent"
        guard HostPath.exists(path) else {
            throw .programNotFound(name: "vm-agent", searched: ["$VM_AGENT", path], option: "--agent", package: nil)
        }
        return path
    }

    /// `mke2fs` of e2fsprogs.
    public static func mke2fs() throws(InitrdError) -> String {
        try find("mke2fs", option: "--mke2fs", package: "e2fsprogs")
    }

    /// `e2fsck` of e2fsprogs.
    public static func e2fsck() throws(InitrdError) -> String {
        try find("e2fsck", option: "--e2fsck", package: "e2fsprogs")
    }

    /// A busybox; Debian's busybox-static has a static one.
    public static func busybox() throws(InitrdError) -> String {
        try find("busybox", option: "--busybox", package: "busybox-static")
    }

    /// `mke2fs`'s configuration, where the host has one.
    public static func mke2fsConfiguration() -> String? {
        let path = "/etc/mke2fs.conf"
        return HostPath.exists(path) ? path : nil
    }

    /// Looks in the directories for administration, which a user's `PATH` may lack, and in `PATH`.
    private static func find(_ name: String, option: String, package: String) throws(InitrdError) -> String {
        let path = environment("PATH") ?? ""
        let directories = path.split(separator: ":").map(String.init) + ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]
        for directory in directories where access("\(directory)/\(name)", X_OK) == 0 { return "\(directory)/\(name)" }
        throw .programNotFound(name: name, searched: directories.map { "\($0)/\(name)" }, option: option, package: package)
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
