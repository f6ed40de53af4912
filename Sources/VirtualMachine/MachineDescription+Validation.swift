extension MachineDescription {
    /// The most memory and processors that a description may ask for; QEMU's `pc` machine has 255 processors at most.
    static let memoryRange = 32...(1 << 20)
    static let coreRange = 1...255

    /// Checks what QEMU would refuse in words that do not say which option of `vm` is meant.
    public func validate() throws(MachineError) {
        guard MachineDescription.memoryRange.contains(memoryMiB) else {
            throw .invalidNumber(name: "memory size (MiB)", value: memoryMiB, range: MachineDescription.memoryRange)
        }
        guard MachineDescription.coreRange.contains(cores) else {
            throw .invalidNumber(name: "number of cores", value: cores, range: MachineDescription.coreRange)
        }
        guard qmpSocket.utf8.count <= UnixAddress.maximumLength else {
            throw .socketPathTooLong(path: qmpSocket, limit: UnixAddress.maximumLength)
        }
    }
}
