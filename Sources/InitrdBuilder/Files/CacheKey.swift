import Glibc

/// A name for what is made of other things, derived from them without reading them all: enough to tell a user's own files
/// apart, not to withstand an attacker.
public struct CacheKey: Sendable {
    // FNV-1a with 64 bits, twice from different beginnings.
    private var first: UInt64 = 0xCBF2_9CE4_8422_2325
    private var second: UInt64 = 0x6C62_272E_07BB_0142

    /// The key of nothing yet.
    public init() {}

    /// Adds text that counts.
    public mutating func add(_ text: String) { add(Array(text.utf8)) }

    /// Adds bytes that count.
    public mutating func add(_ bytes: [UInt8]) {
        for byte in bytes {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
            second = (second ^ UInt64(byte ^ 0x5A)) &* 0x100_0000_01B3
        }
    }

    /// Adds a file by its path, inode, size and times; false, with `errno`, when it cannot be looked at.
    public mutating func add(file path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        add(
            """
            \(path)\0\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mode) \
            \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)\0
            """)
        return true
    }

    /// 32 hexadecimal digits.
    public var text: String {
        [first, second].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
