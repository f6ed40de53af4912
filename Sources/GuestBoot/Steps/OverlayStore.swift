internal import CLinux
internal import LinuxSystem

/// Lays a tmpfs over the read-only store, so that the guest can add store paths. They are gone with the guest, and the
/// host's store never sees them. The tmpfs is below `/run`, out of the way of the guest's own mounts.
enum OverlayStore {
    static let layers = "/run/vm-agent/store"

    static func run(root: String) throws(StepFailure) -> StepResult {
        let store = "\(root)/nix/store"
        var status = stat()
        guard stat(store, &status) == 0 else { throw StepFailure("cannot look at /nix/store: \(Errno.current.description)") }
        do throws(Errno) {
            try Files.makeDirectory(layers)
        } catch {
            throw StepFailure("cannot make \(layers): \(error.description)")
        }
        do throws(MountError) {
            try Mount.filesystem(
                "tmpfs", source: "vm-agent-store", on: layers, options: [.value("mode", "755")], attributes: .noDevices)
        } catch {
            throw StepFailure(error.text)
        }
        do throws(Errno) {
            try Files.makeDirectory("\(layers)/upper")
            try Files.makeDirectory("\(layers)/work")
            // The upper layer's top directory lends the store its mode and owner.
            guard chmod("\(layers)/upper", status.st_mode & 0o7777) == 0, chown("\(layers)/upper", status.st_uid, status.st_gid) == 0
            else { throw .current }
        } catch {
            throw StepFailure("cannot prepare the layers in \(layers): \(error.description)")
        }
        do throws(MountError) {
            try Mount.filesystem(
                "overlay", source: "overlay", on: store,
                options: [
                    .value("lowerdir", store), .value("upperdir", "\(layers)/upper"), .value("workdir", "\(layers)/work"),
                ])
        } catch {
            throw StepFailure("\(error.text). Is overlay.ko in the initrd?")
        }
        return .done("tmpfs over /nix/store")
    }
}
