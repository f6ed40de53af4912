/// How a disk image holds the guest's blocks.
public enum DiskFormat: String, Codable, Equatable, Sendable {
    /// QEMU's copy-on-write format; grows with what the guest writes.
    case qcow2
    /// The guest's blocks as they are; block devices always.
    case raw
}
