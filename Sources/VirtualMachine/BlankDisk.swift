extension MachineDescription {
    /// Tells the guest's agent that the disk is all zero and need not be read. By its serial number, made for this run, and not by its
    /// name: with options of the user's another disk may be found under that. Not where QEMU is told to go on after a reset: the
    /// next boot would be told the same of a disk that the guest has written to.
    ///
    /// - Parameter write: stores the number in a file of this run's own, and gives its path.
    public mutating func vouchForBlankDisk(_ write: ([UInt8]) throws -> String) rethrows {
        guard endsAtReset, var disk, disk.serial == nil else { return }
        let serial = "blank" + String(UInt64.random(in: (1 << 56)...(.max >> 4)), radix: 16)
        disk.serial = serial
        self.disk = disk
        firmwareEntries.append(.init(name: "opt/vm-agent/blank-disk", file: try write(Array(serial.utf8))))
    }

    /// Whether each run of QEMU is one boot: `-no-reboot` is given, and nothing later says otherwise (`-action reboot=reset`,
    /// `-set`, `-readconfig`).
    private var endsAtReset: Bool {
        !extraOptions.contains { $0.contains("reboot=") || $0.hasSuffix("-set") || $0.hasSuffix("-readconfig") }
    }
}
