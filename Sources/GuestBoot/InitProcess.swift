internal import CLinux
internal import LinuxSystem

/// PID 1, when it is not this program: how to ask it to power off.
public enum InitProcess {
    /// Sends PID 1 the signal that it understands as "power off": SIGRTMIN+4 for systemd, SIGUSR2 for BusyBox's init and
    /// those that catch it as BusyBox's does. False when it understands neither.
    public static func askToPowerOff() -> Bool {
        guard let name = try? Files.readLine("/proc/1/comm") else { return false }
        if name == "systemd" { return kill(1, CInt(34 + 4)) == 0 }
        guard let status = try? Files.read("/proc/1/status"), catches(SIGUSR2, status: status) else { return false }
        return kill(1, SIGUSR2) == 0
    }

    /// Whether the `SigCgt` mask of a `/proc/PID/status` has `signal`.
    static func catches(_ signal: CInt, status: [UInt8]) -> Bool {
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n") where line.hasPrefix("SigCgt:") {
            guard let field = line.split(separator: "\t").last, let mask = UInt64(field, radix: 16) else { return false }
            return mask & (1 << UInt64(signal - 1)) != 0
        }
        return false
    }
}
