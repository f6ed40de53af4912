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
        let plan = BootParameters.plan(isFirst: true)
        var runner = BootRunner(plan: plan, reporter: BootReporter(startServer()))
        var caretaker = Caretaker(startServer: startServer)
        var next = 0
        while true {
            do throws(StepFailure) {
                try runner.run(from: next)
                break
            } catch {
                act(plan.failureAction)
                release(&runner, .refused, runner.rescueText)
                next = caretaker.waitForResume(&runner)
            }
        }
        release(&runner, .done, "the guest has booted; the agent stays PID 1")
        caretaker.stay(&runner)
    }

    /// Tells whoever has resumed the boot how it ended.
    private static func release(_ runner: inout BootRunner, _ answer: ResumeClient.Answer, _ text: String) {
        runner.reporter.client?.end(answer, text)
        runner.reporter.client = nil
    }

    /// `/proc`, `/sys`, `/dev` before anything else: even an error needs `/dev/kmsg`. `/run` is a tmpfs that moves to the
    /// real root: systemd and NixOS keep a `/run` that is already mounted.
    private static func mountKernelFilesystems() {
        for (type, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run")] {
            try? Files.makeDirectory(target)
            do throws(MountError) {
                guard !Mount.isMountPoint(target) else { continue }
                switch type {
                case "tmpfs": try Mount.memory(source: type, on: target, mode: "755")
                case "devtmpfs": try Mount.filesystem(type, source: type, on: target, options: [.value("mode", "755")])
                default: try Mount.filesystem(type, source: type, on: target)
                }
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

    private static func act(_ action: BootPlan.FailureAction) {
        // A moment for the serving process to pass the report on.
        if action != .shell { usleep(500_000) }
        switch action {
        case .shell: writeKernelLog(.error, "the boot stopped, and the guest can be entered through its socket; " + Rescue.advice)
        case .powerOff: PowerOff.run(.powerOff)
        case .reboot: PowerOff.run(.restart)
        case .panic: exit(1)
        }
    }
}
