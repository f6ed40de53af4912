internal import CLinux
internal import LinuxSystem

/// Lays a tmpfs over the read-only store, so that the guest can add store paths. They are gone with the guest, and the
/// host's store never sees them. The tmpfs is below `/run`, out of the way of the guest's own mounts.
enum OverlayStore {
    static let layers = "/run/vm-agent/store"

    static func run(root: String) throws(StepFailure) -> StepResult {
        let store = root + "/nix/store"
        let (upper, work) = (layers + "/upper", layers + "/work")
        var status = stat()
        guard stat(store, &status) == 0 else {
            throw StepFailure("cannot look at /nix/store: \(Errno.current.description); is the host's server of shares still there?")
        }
        do throws(Errno) {
            try Files.makeDirectory(layers)
        } catch {
            throw StepFailure("cannot make " + layers + ": " + error.description + "; is /run full? Give the guest more memory")
        }
        do throws(MountError) {
            if !Mount.isMountPoint(layers) {
                try Mount.filesystem(
                    "tmpfs", source: "vm-agent-store", on: layers, options: [.value("mode", "755")], attributes: .noDevices)
            }
        } catch {
            throw StepFailure(error.text + ". Give the guest more memory, or leave out vm.writable-store")
        }
        do throws(Errno) {
            try Files.makeDirectory(upper)
            try Files.makeDirectory(work)
            // The upper layer's top directory lends the store its mode and owner.
            guard chmod(upper, status.st_mode & 0o7777) == 0, chown(upper, status.st_uid, status.st_gid) == 0
            else { throw .current }
        } catch {
            throw StepFailure("cannot prepare the layers in " + layers + ": " + error.description + "; give the guest more memory")
        }
        do throws(MountError) {
            try Mount.filesystem(
                "overlay", source: "overlay", on: store,
                options: [
                    .value("lowerdir", store), .value("upperdir", upper), .value("workdir", work),
                ])
        } catch {
            throw StepFailure("\(error.text). Is overlay.ko in the initrd?")
        }
        return .done("tmpfs over /nix/store")
    }
}
