internal import CLinux
internal import LinuxSystem

/// Lays a layer of the guest's own over the read-only store, so that the guest can add store paths, which the host's store never
/// sees: a tmpfs below `/run`, gone with the guest, or directories of the root, which are there at the next boot.
enum OverlayStore {
    static let layers = "/run/vm-agent/store"
    /// Below the root; NixOS has its layer in the same place.
    static let layersOnDisk = "/nix/.rw-store"

    static func run(root: String, onDisk: Bool) throws(StepFailure) -> StepResult {
        let store = root + "/nix/store"
        let layers = onDisk ? root + layersOnDisk : self.layers
        let (upper, work) = (layers + (onDisk ? "/store" : "/upper"), layers + "/work")
        let advice = onDisk ? "make room on the disk, or leave out vm.writable-store" : "give the guest more memory"
        var status = stat()
        guard stat(store, &status) == 0 else {
            throw StepFailure("cannot look at /nix/store: \(Errno.current.description); is the host's server of shares still there?")
        }
        do throws(Errno) {
            try Files.makeDirectory(layers)
        } catch {
            throw StepFailure("cannot make " + layers + ": " + error.description + "; " + advice)
        }
        do throws(MountError) {
            if !onDisk, !Mount.isMountPoint(layers) {
                try Mount.filesystem(
                    "tmpfs", source: "vm-agent-store", on: layers, options: [.value("mode", "755")], attributes: .noDevices)
            }
        } catch {
            throw StepFailure(error.text + ". Give the guest more memory, or leave out vm.writable-store")
        }
        do throws(Errno) {
            let isNew = !Files.isDirectory(upper)
            try Files.makeDirectory(upper)
            try Files.makeDirectory(work)
            // The upper layer's top directory lends the store its mode and owner.
            if isNew {
                guard chmod(upper, status.st_mode & 0o7777) == 0, chown(upper, status.st_uid, status.st_gid) == 0
                else { throw .current }
            }
        } catch {
            throw StepFailure("cannot prepare the layers in " + layers + ": " + error.description + "; " + advice)
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
        return .done((onDisk ? layersOnDisk : "tmpfs") + " over /nix/store")
    }
}
