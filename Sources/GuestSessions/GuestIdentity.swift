internal import LinuxSystem

/// A small file whose content stays known while it cannot be read: `/proc` and `/sys` are nowhere while PID 1 moves them to the real root, and a
/// link that is made just then must not look like that of another boot.
private final class RememberedFile {
    private let path: String
    private var last: [UInt8] = []

    /// Reads it, if it is there already.
    init(_ path: String) {
        self.path = path
        _ = content
    }

    /// What it holds, or held when it could be read last; nothing when it never could.
    var content: [UInt8] {
        if let now = try? Files.read(path, limit: 4 << 10), !now.isEmpty { last = now }
        return last
    }
}

/// What all links of a guest say of it in their hellos.
final class GuestIdentity {
    private let boot = RememberedFile("/proc/sys/kernel/random/boot_id")
    private let tokenFile: RememberedFile

    /// - Parameter tokenFile: the file with the token, which may appear later, during the boot.
    init(tokenFile: String) { self.tokenFile = RememberedFile(tokenFile) }

    /// Tells one boot from another; empty where there is no `/proc`.
    var bootID: String { String(decoding: boot.content.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) }
    /// At most 128 bytes.
    var token: [UInt8] { Array(tokenFile.content.prefix(128)) }
}
