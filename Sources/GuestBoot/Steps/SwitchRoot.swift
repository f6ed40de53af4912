internal import CLinux
internal import LinuxSystem

/// Makes the root to be the root of PID 1 and of the serving process. An initramfs cannot be left by `pivot_root(2)`, so
/// the new root is moved over `/` (`Documentation/filesystems/ramfs-rootfs-initramfs.rst`).
enum SwitchRoot {
    static func run(root: String, channel: BootChannel?) throws(StepFailure) -> StepResult {
        do throws(MountError) {
            for name in ["/proc", "/sys", "/dev", "/run"] where !Mount.isMountPoint(root + name) { try Mount.move(name, to: root + name) }
        } catch {
            throw StepFailure(error.text + ". Is the root mounted there, with these directories in it?")
        }
        let initialRoot = InitialRoot()
        if let channel { try takeServingProcessAlong(channel, root) }
        guard chdir(root) == 0 else {
            throw StepFailure("cannot enter " + root + ": " + Errno.current.description + "; is the root mounted there?")
        }
        do throws(MountError) {
            try Mount.move(".", to: "/")
        } catch {
            throw StepFailure(error.text + ". Is the root mounted there?")
        }
        guard chroot(".") == 0, chdir("/") == 0 else {
            throw StepFailure("cannot make " + root + " the root: " + Errno.current.description + "; start the guest anew")
        }
        initialRoot?.free()
        return .done()
    }

    /// The serving process changes its own root while the path to it still exists.
    private static func takeServingProcessAlong(_ channel: BootChannel, _ root: String) throws(StepFailure) {
        channel.send(.switchRoot(root))
        let deadline = Uptime.microseconds + 10_000_000
        while Uptime.microseconds < deadline {
            switch channel.receive(milliseconds: 1_000) {
            case .message(.switched): return
            case .message(.powerOff): PowerOff.run(.powerOff)
            case .message, .nothing: continue
            case .ended: return writeKernelLog(.error, "switch-root: the serving process is gone; there will be no sessions")
            }
        }
        throw StepFailure(
            "waited 10 s for the serving process to change its root to " + root + "; it did not answer; try again with 'vm-agent resume'")
    }
}
