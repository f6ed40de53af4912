internal import LinuxSystem

/// A module's name as the kernel compares it: `-` and `_` are the same, and `_` is written.
struct ModuleName: Hashable, Sendable, CustomStringConvertible {
    /// The name with `_`.
    let text: String

    /// From what a person or a dependency list says: `virtio-rng`, `virtio_rng`.
    init(_ name: some StringProtocol) {
        text = String(decoding: name.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    /// From a path such as `kernel/fs/ext4/ext4.ko.zst`; nil when it is not a module's.
    init?(path: some Collection<UInt8>) {
        let file = String(decoding: path, as: UTF8.self).pathParts.last ?? ""
        guard let suffix = ModuleName.suffixes.first(where: { file.hasSuffix($0) }), file.count > suffix.count else { return nil }
        self.init(file.dropLast(suffix.count))
    }

    var description: String { text }

    private static let suffixes = [".ko", ".ko.zst", ".ko.xz", ".ko.gz"]
}
