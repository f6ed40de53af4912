internal import CLinux
internal import LinuxSystem

/// Ending the machine so that no filesystem is left dirty: programs first, then the disks, then the power.
public enum PowerOff {
    /// What happens at the end.
    public enum Kind: Sendable {
        /// The power goes off.
        case powerOff
        /// The machine starts again.
        case restart
    }

    /// Ends all other processes, writes everything to the disks and ends the machine. Returns only where it may not.
    ///
    /// Programs get 2 s after SIGTERM. PID 1 is never signalled: its end would be a kernel panic.
    public static func run(_ kind: Kind) {
        linux_ignore_signal(SIGTERM)
        if hasOthers() {
            _ = kill(-1, SIGTERM)
            let deadline = Uptime.microseconds + 2_000_000
            while hasOthers(), Uptime.microseconds < deadline {
                while linux_reap_any() > 0 {}
                usleep(10_000)
            }
            _ = kill(-1, SIGKILL)
        }
        sync()
        // The overlay and binds go with the root; what counts is that the disk's own filesystem is clean.
        do throws(MountError) { try Mount.remountReadOnly("/") } catch {
            writeKernelLog(.information, "power off: the root stays writable (\(error.errno.description)); it was synced")
        }
        sync()
        _ = linux_reboot(kind == .powerOff ? linux_power_off_command() : linux_restart_command())
        writeKernelLog(.error, "reboot(2) was refused: \(Errno.current.description)")
    }

    /// True while there is a process other than this one, PID 1, the serving process, and the kernel's threads.
    private static func hasOthers() -> Bool {
        guard let directory = opendir("/proc") else { return true }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let identifier = Int32(name), identifier != 1, identifier != getpid() else { continue }
            // A kernel thread has no command line; neither has a zombie.
            guard let arguments = try? Files.read("/proc/\(name)/cmdline"), !arguments.isEmpty else { continue }
            if arguments.starts(with: ServingProcess.argumentZero.utf8) { continue }
            return true
        }
        return false
    }
}

/// What marks the serving process among the others.
public enum ServingProcess {
    /// Its first argument. systemd spares a process whose name begins with `@` when it changes root or shuts down
    /// (https://systemd.io/ROOT_STORAGE_DAEMONS).
    public static let argumentZero = "@vm-agent"
}
