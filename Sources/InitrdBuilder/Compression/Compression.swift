/// How an initrd's bytes are packed. Linux recognises it by itself.
public enum Compression: Equatable, Sendable {
    /// Not at all: the fastest to build and to boot.
    case none
    /// zstd at this level, 1 to 19.
    case zstd(level: Int)

    /// Packs `bytes`. The same bytes give the same result.
    ///
    /// - Throws: `unsupportedLevel`, or `failed` with libzstd's own words.
    public func apply(to bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
        switch self {
        case .none: return bytes
        case .zstd(let level):
            guard Zstandard.levels.contains(level) else { throw .unsupportedLevel(level) }
            return try Zstandard.compress(bytes, level: level)
        }
    }
}

/// Why data could not be packed or unpacked.
public enum CompressionError: Error, Equatable, Sendable {
    /// zstd has no such level here.
    case unsupportedLevel(Int)
    /// The content is larger than it may be.
    case tooLarge(limit: Int)
    /// libzstd failed; its own words.
    case failed(String)
}

extension CompressionError: CustomStringConvertible {
    /// One sentence.
    public var description: String {
        switch self {
        case .unsupportedLevel(let level):
            "zstd level \(level) is not supported; give one from \(Zstandard.levels.lowerBound) to \(Zstandard.levels.upperBound)"
        case .tooLarge(let limit): "its content is larger than \(limit) bytes"
        case .failed(let cause): "zstd: \(cause)"
        }
    }
}
