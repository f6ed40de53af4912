internal import CLinux
internal import LinuxSystem

/// Work that may hang in the kernel, in a process of its own, so that PID 1 can give it up: nobody can kill PID 1.
enum InChild {
    /// Runs `work` in a child, at most `seconds`; once a second `whileWaiting` is told how many have passed.
    ///
    /// - Parameter work: returns why it failed, or nil. What it does to mounts and files stays; what it does to memory does not.
    /// - Returns: what `work` returned; a sentence when it had to be given up, or could not be begun.
    static func run(seconds: Int, whileWaiting: (Int) -> Void, _ work: () -> String?) -> String? {
        let ends: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
        do throws(Errno) { ends = try FileDescriptor.pipe() } catch { return error.description }
        defer { ends.readEnd.close() }
        let child = linux_fork()
        if child == 0 {
            if let failure = work() { try? ends.writeEnd.writeAll(Array(failure.utf8)) }
            _exit(0)
        }
        ends.writeEnd.close()
        guard child > 0 else { return "cannot start a process: \(Errno.current.description)" }
        return wait(for: child, ends.readEnd, seconds, whileWaiting)
    }

    /// The pipe ends with the child, whatever ends that.
    private static func wait(for child: CInt, _ output: FileDescriptor, _ seconds: Int, _ whileWaiting: (Int) -> Void) -> String? {
        var text: [UInt8] = []
        let start = Uptime.microseconds
        var told = 0
        while true {
            let passed = Int((Uptime.microseconds - start) / 1_000_000)
            guard passed < seconds else {
                _ = kill(child, SIGKILL)
                // It may be in a wait that cannot be broken off: then it is a zombie later, and is reaped then.
                if output.waitUntilReadable(milliseconds: 1_000) { _ = waitpid(child, nil, 0) }
                return "not done within \(seconds) s"
            }
            if passed > told {
                told = passed
                whileWaiting(passed)
            }
            guard output.waitUntilReadable(milliseconds: 250) else { continue }
            guard let bytes = try? output.read(upTo: 4096), !bytes.isEmpty else { break }
            text += bytes
        }
        var status: CInt = 0
        _ = waitpid(child, &status, 0)
        if status != 0 { return "its process ended by signal \(status & 127)" }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}
