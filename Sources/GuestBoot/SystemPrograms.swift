internal import LinuxSystem

/// Where a guest keeps its programs.
public enum SystemPrograms {
    /// The directories for `PATH` that exist, the system's own first, busybox's last.
    ///
    /// `systemPath` is the system that `init=` belongs to; a NixOS system has `sw/bin`, and also `/run/current-system` once
    /// its own start-up made that.
    public static func directories(systemPath: String?) -> [String] {
        var directories = ["/run/wrappers/bin", "/run/current-system/sw/bin"]
        if let systemPath { directories += ["\(systemPath)/sw/bin", "\(systemPath)/nix/bin"] }
        directories += [
            "/nix/var/nix/profiles/default/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
        ]
        return directories.filter { Files.isDirectory($0) } + [InstallTools.directory]
    }

    /// The first executable called `name` in `directories`; `name` itself when it has a slash.
    public static func find(_ name: String, in directories: [String]) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        return directories.lazy.map { "\($0)/\(name)" }.first { Files.isExecutable($0) }
    }
}
