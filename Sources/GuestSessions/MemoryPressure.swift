internal import LinuxSystem

/// Whether the guest is short of memory, so that the agent holds no more than it has to.
enum MemoryPressure {
    /// Less than a sixteenth of the guest's memory can be had.
    static var isHigh: Bool {
        guard let text = try? Files.read("/proc/meminfo", limit: 16 << 10) else { return false }
        return isHigh(text)
    }

    /// The same of what `/proc/meminfo` says (`man 5 proc`).
    static func isHigh(_ text: [UInt8]) -> Bool {
        var (total, available): (UInt64?, UInt64?)
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1 else { continue }
            switch fields[0] {
            case "MemTotal:": total = UInt64(fields[1])
            case "MemAvailable:": available = UInt64(fields[1])
            default: continue
            }
        }
        guard let total, let available else { return false }
        return available < total / 16
    }
}
