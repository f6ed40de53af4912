import Glibc

/// Names an initrd by what it is made of, without reading it: each entry, and of each file its path, size, inode and times.
enum InitrdKey {
    /// Raised when the same plan gives other bytes than before.
    private static let format = 1

    static func of(_ plan: InitrdPlan, compression: Compression) throws(InitrdError) -> String {
        var hash = Hash()
        hash.add("\(format) \(compression)")
        for (destination, source) in plan.sortedEntries {
            hash.add("\(destination)\0")
            guard let path = source.path else {
                switch source {
                case .bytes(let bytes): hash.add(bytes)
                default: hash.add("\(source)")
                }
                continue
            }
            var status = stat()
            guard stat(path, &status) == 0 else { throw .file(.failed(action: .read, path: path, code: errno)) }
            hash.add(
                """
                \(path)\0\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mode) \
                \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)\0
                """)
        }
        return hash.text
    }

    /// FNV-1a with 64 bits, twice from different beginnings: enough to tell a user's own initrds apart.
    private struct Hash {
        private var first: UInt64 = 0xCBF2_9CE4_8422_2325
        private var second: UInt64 = 0x6C62_272E_07BB_0142

        mutating func add(_ text: String) { add(Array(text.utf8)) }

        mutating func add(_ bytes: [UInt8]) {
            for byte in bytes {
                first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
                second = (second ^ UInt64(byte ^ 0x5A)) &* 0x100_0000_01B3
            }
        }

        var text: String {
            let digits = [first, second].map { String($0, radix: 16) }
            return digits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
        }
    }
}
