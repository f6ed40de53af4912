internal import LinuxSystem

/// A directory of the host's at a place of the guest's own (`vm.mount=SOURCE:/DIRECTORY`, `vm.mount-writable=…`).
public struct SharedDirectory: Equatable, Sendable {
    /// Where it comes from.
    public var source: ShareSource
    /// Where it appears; an absolute path without `..`.
    public var directory: String
    /// Whether the guest may write to it. The host has its own say in that.
    public var isWritable: Bool

    /// Reads `SOURCE:/DIRECTORY`; nil when it is not of that form.
    public init?(_ text: String, isWritable: Bool) {
        // The first colon that a directory follows: no source has one.
        var rest = text.utf8[...]
        while let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
            rest = rest[rest.index(after: colon)...]
            if rest.first == UInt8(ascii: "/") { break }
        }
        guard rest.first == UInt8(ascii: "/"), rest.startIndex > text.startIndex else { return nil }
        directory = String(rest) ?? ""
        let end = text.utf8.index(before: rest.startIndex)
        guard let source = ShareSource(String(text[..<end])) else { return nil }
        for part in directory.pathParts where part == ".." { return nil }
        guard directory.pathParts.contains(where: { $0 != "." }) else { return nil }
        self.source = source
        self.isWritable = isWritable
    }
}
