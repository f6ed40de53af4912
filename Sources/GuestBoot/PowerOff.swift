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
        makeDisksReadOnly()
        sync()
        _ = linux_reboot(kind == .powerOff ? linux_power_off_command() : linux_restart_command())
        writeKernelLog(.error, "reboot(2) was refused: \(Errno.current.description)")
    }

    /// Leaves no disk's filesystem writable, so that none has to be mended by the next boot.
    ///
    /// A PID 1 that is not this program, or a program that cannot be killed, may have a file open for writing; the kernel then
    /// refuses to remount. Its emergency remount (`Documentation/admin-guide/sysrq.rst`, `u`) asks no one. It comes about in the
    /// background.
    private static func makeDisksReadOnly() {
        // The overlay and binds go with the root.
        do throws(MountError) { try Mount.remountReadOnly("/") } catch {}
        guard !Mount.writableDisks.isEmpty else { return }
        try? Files.write("u", to: "/proc/sysrq-trigger")
        let deadline = Uptime.microseconds + 5_000_000
        while Uptime.microseconds < deadline {
            usleep(10_000)
            if Mount.writableDisks.isEmpty { return }
        }
        let left = Mount.writableDisks.joined(separator: ", ")
        writeKernelLog(.error, "power off: \(left) cannot be made read-only; what was written is on the disk")
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
