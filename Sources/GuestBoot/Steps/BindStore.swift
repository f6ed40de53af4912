internal import LinuxSystem

/// Shows the host's `/nix/store` as the guest's, read-only.
enum BindStore {
    static func run(root: String) throws(StepFailure) -> StepResult {
        let source = "\(root)/hostfs/nix/store"
        let target = "\(root)/nix/store"
        guard Files.isDirectory(source) else {
            throw StepFailure("the share on /hostfs has no directory nix/store; share the directory above nix, or use vm.hostfs=none")
        }
        do throws(Errno) {
            try Files.makeDirectory(target)
        } catch {
            throw StepFailure(
                "cannot make /nix/store on the root: " + error.description + "; make room below " + root + ", or use another disk")
        }
        do throws(MountError) {
            if !Mount.isMountPoint(target) { try Mount.bind(source, on: target) }
            try Mount.setAttributes([.readOnly, .noDevices, .noSetuid], of: target)
        } catch {
            throw StepFailure(error.text + ". Is the host's server of shares still there? 'ls /hostfs/nix/store' tells")
        }
        return .done("/hostfs/nix/store, read-only")
    }
}
