internal import CLinux

/// Bytes that nobody can foretell once the kernel has gathered entropy; before that, different ones each time.
public func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = bytes.withUnsafeMutableBytes { linux_random_bytes($0.baseAddress, $0.count) == 0 }
    guard !filled else { return bytes }
    // A kernel before 5.6 (GRND_INSECURE).
    let moment = Uptime.microseconds &* 0x9E37_79B9_7F4A_7C15
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: moment >> UInt64(index % 8 * 8)) }
    return bytes
}
