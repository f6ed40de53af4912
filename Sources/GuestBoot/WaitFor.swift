internal import CLinux
internal import LinuxSystem

/// Bounded waits for what the kernel makes by itself.
enum WaitFor {
    /// Waits until `path` exists. The error names `what`.
    static func path(_ path: String, _ what: String, seconds: Int) throws(StepFailure) {
        let deadline = Uptime.microseconds + UInt64(seconds) * 1_000_000
        var pause: UInt32 = 1_000
        while !Files.exists(path) {
            guard Uptime.microseconds < deadline else {
                throw StepFailure(
                    "waited \(seconds) s for \(what) (\(path)), which did not appear; is the device attached to the VM, and its driver in the initrd?"
                )
            }
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }
}
