internal import LinuxSystem

/// Makes a tree of the host's the root to be, read-only, with a tmpfs over it: the guest runs the host's own programs, and
/// nothing that it writes reaches the host.
enum MountSharedRoot {
    static func run(_ source: ShareSource, root: String, place: String = "/run/vm-agent/root", progress: (String) -> Void)
        throws(StepFailure) -> StepResult
    {
        let (lower, layers) = (place + "/host", place + "/layers")
        do throws(Errno) {
            for directory in [root, lower, layers] { try Files.makeDirectory(directory) }
        } catch {
            throw StepFailure("cannot make directories in /run for the root: \(error.description)")
        }
        // What an earlier attempt has mounted is kept.
        if !Mount.isMountPoint(lower) { try source.mount(on: lower, .readOnly, progress) }
        do throws(MountError) {
            if !Mount.isMountPoint(layers) {
                try Mount.filesystem("tmpfs", source: "vm-agent-root", on: layers, options: [.value("mode", "755")])
            }
        } catch {
            throw StepFailure(error.text)
        }
        do throws(Errno) {
            try Files.makeDirectory(layers + "/upper")
            try Files.makeDirectory(layers + "/work")
        } catch {
            throw StepFailure("cannot prepare the layers in \(layers): \(error.description)")
        }
        do throws(MountError) {
            try Mount.filesystem(
                "overlay", source: "overlay", on: root,
                options: [
                    .value("lowerdir", lower), .value("upperdir", layers + "/upper"), .value("workdir", layers + "/work"),
                ])
        } catch {
            throw StepFailure("\(error.text). Is overlay.ko in the initrd?")
        }
        try RootDirectories.make(in: root, on: source.text)
        return .done(source.text + " under a tmpfs")
    }
}
