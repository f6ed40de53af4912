internal import CLinux
internal import LinuxSystem

/// Mounts the host's share on `/hostfs`, and further shares of the same server below it.
enum MountHostFiles {
    static func run(
        share: String, others: [MountedShare], root: String, progress: (String) -> Void
    ) throws(StepFailure) -> StepResult {
        let hostfs = root + "/hostfs"
        let source = try source(of: share)
        for other in others where source.sibling(other.name) == nil {
            throw StepFailure("vm.share=" + other.name + ": " + share + " is an image, which has no other shares beside it")
        }
        try mount(source, on: hostfs, progress)
        var names = share
        for other in others {
            guard let sibling = source.sibling(other.name) else { continue }
            try mount(sibling, on: hostfs + other.directory, progress)
            names += ", " + sibling.text
        }
        return keepsSymlinks(hostfs)
            ? .done(names) : .warning(names + ": the server has no UNIX extensions, so symlinks and modes are lost")
    }

    private static func mount(_ source: ShareSource, on target: String, _ progress: (String) -> Void) throws(StepFailure) {
        if Mount.isMountPoint(target) { return }
        do throws(Errno) {
            // Below an earlier share the directory is the host's: it is there or it cannot be made.
            if !Files.isDirectory(target) { try Files.makeDirectory(target) }
        } catch {
            throw StepFailure(
                "cannot make " + target + " to mount " + source.text + " on: " + error.description
                    + "; the share that it is in must have the directory")
        }
        try source.mount(on: target, .fixed, progress)
    }

    /// What `vm.hostfs` names.
    static func source(of share: String) throws(StepFailure) -> ShareSource {
        guard let source = ShareSource(share) else {
            throw StepFailure("vm.hostfs=\(share): must be //SERVER/SHARE, virtiofs:TAG, 9p:TAG, image:SERIAL, or none")
        }
        return source
    }

    /// The kernel shows `unix` among the mount's options where the server has the extensions, `nounix` where not.
    private static func keepsSymlinks(_ target: String) -> Bool {
        guard let mounts = try? Files.read("/proc/self/mounts") else { return true }
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[1] == target else { continue }
            return !fields[3].split(separator: ",").contains("nounix")
        }
        return true
    }
}
