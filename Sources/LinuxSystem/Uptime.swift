internal import CLinux

/// Time since the machine started.
public enum Uptime {
    /// Microseconds since boot (`CLOCK_BOOTTIME`): never goes back, whatever happens to the clock on the wall.
    public static var microseconds: UInt64 { linux_uptime_microseconds() }

    /// `1.25 s`, for people.
    public static func text(_ microseconds: UInt64) -> String {
        let hundredths = microseconds / 10_000
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    }
}
