extension StringProtocol {
    /// The parts of a path, as the kernel sees them: what is between the bytes `/`, without empty parts.
    ///
    /// `split(separator: "/")` compares characters, and a slash with an accent behind it is another one: it would take `../\u{301}` for
    /// one part.
    public var pathParts: [String] { utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) } }
}
