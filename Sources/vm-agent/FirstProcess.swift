internal import CLinux
internal import GuestBoot
internal import GuestSessions
internal import LinuxSystem

/// PID 1: mounts what everything needs, starts the serving process, boots, and becomes the real init; or, without one,
/// stays, reaps, and powers off when asked.
///
/// Booting and serving are two processes so that neither waits for the other: a mount that hangs does not stop a session,
/// and when the real init takes PID 1 over, the link and its sessions do not notice.
enum FirstProcess {
    static func run() -> Never {
        mountKernelFilesystems()
        // Programs' lines in the kernel log are limited to ten in five seconds otherwise.
        try? Files.write("on", to: "/proc/sys/kernel/printk_devkmsg")
        writeKernelLog(.information, "version \(Version.text) boots this guest")
        let channel = startServer()
        let plan = BootPlan(KernelCommandLine((try? Files.readLine("/proc/cmdline")) ?? ""))
        var runner = BootRunner(plan: plan, reporter: BootReporter(channel))
        do throws(StepFailure) {
            try runner.run()
        } catch {
            act(on: error, plan.failureAction)
        }
        stay(channel)
    }

    /// `/proc`, `/sys`, `/dev` before anything else: even an error needs `/dev/kmsg`. `/run` is a tmpfs that moves to the
    /// real root: systemd and NixOS keep a `/run` that is already mounted.
    private static func mountKernelFilesystems() {
        for (type, target, options) in [
            ("proc", "/proc", []), ("sysfs", "/sys", []), ("devtmpfs", "/dev", [MountOption.value("mode", "755")]),
            ("tmpfs", "/run", [MountOption.value("mode", "755")]),
        ] {
            try? Files.makeDirectory(target)
            do throws(MountError) {
                if !Mount.isMountPoint(target) { try Mount.filesystem(type, source: type, on: target, options: options) }
            } catch {
                writeKernelLog(.error, error.text)
            }
        }
        try? Files.makeDirectory("/dev/pts")
        try? Mount.filesystem("devpts", source: "devpts", on: "/dev/pts", options: [.value("mode", "620"), .value("ptmxmode", "666")])
        try? Files.makeDirectory("/dev/shm", mode: 0o1777)
        // What udev makes elsewhere, and shells and scripts rely on: `cat > /dev/stderr`, `diff <(a) <(b)`.
        for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
            symlink("/proc/self/fd\(target)", "/dev/\(name)")
        }
        if let console = try? FileDescriptor.open("/dev/console", .readWrite) {
            for descriptor: CInt in 0...2 { _ = dup2(console.rawValue, descriptor) }
            if console.rawValue > 2 { console.close() }
        }
    }

    /// Starts the serving process; gives the channel to it.
    private static func startServer() -> BootChannel? {
        do throws(Errno) {
            let (own, others) = try FileDescriptor.packetPair()
            defer { others.close() }
            try own.setNonBlocking()
            var program = Program("/proc/self/exe", ["serve"])
            program.arguments[0] = Array(ServingProcess.argumentZero.utf8)
            program.standardInput = others
            let process = try program.start()
            // Its end is that of the channel.
            process.pidfd.close()
            return BootChannel(own)
        } catch {
            writeKernelLog(.error, "cannot start the serving process: \(error.description); there will be no sessions")
            return nil
        }
    }

    private static func act(on failure: StepFailure, _ action: BootPlan.FailureAction) {
        // A moment for the serving process to pass the report on.
        if action != .shell { usleep(500_000) }
        switch action {
        case .shell: writeKernelLog(.error, "the boot stopped; the agent stays and can be entered through the guest's socket")
        case .powerOff: PowerOff.run(.powerOff)
        case .reboot: PowerOff.run(.restart)
        case .panic: exit(1)
        }
    }

    /// Reaps orphans and waits to be asked to power off.
    private static func stay(_ first: BootChannel?) -> Never {
        var channel = first
        var restarts = 0
        var signals = [SIGCHLD, SIGTERM, SIGINT, SIGUSR2]
        let signalFile = FileDescriptor(rawValue: linux_signal_descriptor(&signals, CInt(signals.count)))
        while true {
            while linux_reap_any() > 0 {}
            if readSignals(signalFile) { PowerOff.run(.powerOff) }
            // The signal file is looked at at least once a second: orphans do not wait long for their end.
            if let open = channel {
                switch open.receive(milliseconds: 1_000) {
                case .message(.powerOff): PowerOff.run(.powerOff)
                case .ended:
                    // A guest that cannot be entered is of no use; one whose serving process always ends is not made better.
                    open.socket.close()
                    restarts += 1
                    writeKernelLog(.error, "the serving process has ended; \(restarts <= 5 ? "starting another one" : "giving up")")
                    channel = restarts <= 5 ? startServer() : nil
                    BootReporter(channel).bootIsOver()
                case .message, .nothing: break
                }
            } else {
                _ = signalFile.waitUntilReadable(milliseconds: 1_000)
            }
        }
    }

    /// Takes the pending signals; true when one of them asks for the end.
    private static func readSignals(_ file: FileDescriptor) -> Bool {
        var asked = false
        var information = signalfd_siginfo()
        while read(file.rawValue, &information, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            if information.ssi_signo != UInt32(SIGCHLD) { asked = true }
        }
        return asked
    }
}
