internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

extension CopyEntry {
    /// An entry with the attributes of a file of this machine.
    init(_ kind: Kind, name: [UInt8], _ status: FileStatus) {
        self.init(
            kind, name: name, mode: UInt16(truncatingIfNeeded: status.mode), owner: status.owner, group: status.group,
            changed: CopyTime(status.changed), used: CopyTime(status.used))
    }

    /// The number that a file has for its further names.
    var linkNumber: Int? {
        guard case .file(_, let number) = kind, number != 0 else { return nil }
        return Int(number)
    }
}

extension CopyTime {
    init(_ time: timespec) { self.init(seconds: Int64(time.tv_sec), nanoseconds: UInt32(truncatingIfNeeded: time.tv_nsec)) }

    /// As system calls take it.
    var value: timespec { timespec(tv_sec: time_t(seconds), tv_nsec: Int(nanoseconds)) }
}
