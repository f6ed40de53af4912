/// What a copy is to do, as the client asks for it: the payload of a `copyRequest` frame, the first of `copy-in` and `copy-out`.
///
/// Payload: options (1), length N of the name (1), name, path. Options: 1 recursive, 2 needs a directory, 4 keeps the owner,
/// 8 stays on the filesystem.
public struct CopyRequest: Equatable, Sendable {
    /// copy-in: where to; copy-out: where from. A path in the guest, any bytes but zero; a relative one begins at root's home.
    public var path: [UInt8]
    /// copy-in: the source's own name, which it keeps inside a `path` that is a directory. Nil when the source has none that
    /// could be kept (`.`, `/`, standard input): a directory's entries then come into `path` itself.
    public var name: [UInt8]?
    /// copy-out: whether a directory may be copied. Without it a symbolic link at `path` is followed, with it copied.
    public var isRecursive: Bool
    /// copy-in: `path` must be a directory that is there.
    public var needsDirectory: Bool
    /// copy-in: whether files get the owner and group that the client names, by number; else they are root's.
    public var keepsOwner: Bool
    /// copy-out: whether directories that are mount points are copied as empty ones.
    public var staysOnFileSystem: Bool

    /// Makes a request from its parts.
    public init(
        path: [UInt8], name: [UInt8]? = nil, isRecursive: Bool = false, needsDirectory: Bool = false, keepsOwner: Bool = false,
        staysOnFileSystem: Bool = false
    ) {
        self.path = path
        self.name = name
        self.isRecursive = isRecursive
        self.needsDirectory = needsDirectory
        self.keepsOwner = keepsOwner
        self.staysOnFileSystem = staysOnFileSystem
    }

    private struct Options: OptionSet {
        let rawValue: UInt8
        static let recursive = Options(rawValue: 1)
        static let needsDirectory = Options(rawValue: 2)
        static let keepsOwner = Options(rawValue: 4)
        static let staysOnFileSystem = Options(rawValue: 8)
        static let all = Options(rawValue: 15)
    }

    /// The payload's bytes.
    public func encoded() -> [UInt8] {
        var options: Options = []
        if isRecursive { options.insert(.recursive) }
        if needsDirectory { options.insert(.needsDirectory) }
        if keepsOwner { options.insert(.keepsOwner) }
        if staysOnFileSystem { options.insert(.staysOnFileSystem) }
        let name = name ?? []
        return [options.rawValue, UInt8(truncatingIfNeeded: name.count)] + name + path
    }

    /// Reads a payload.
    ///
    /// - Throws: `truncated`; `invalid` for a path with a zero byte, a name that no directory could hold, or an option that
    ///   this version does not know (a client must not believe that it was obeyed).
    public init(decoding payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let options = Options(rawValue: try reader.readUInt8())
        guard options.isSubset(of: .all) else { throw .invalid("copy option") }
        let name = try reader.readBytes(Int(try reader.readUInt8()))
        guard name.isEmpty || CopyEntry.isName(name) else { throw .invalid("name") }
        let path = try reader.readBytes(reader.remaining)
        guard !path.contains(0), path.count < 4096 else { throw .invalid("path") }
        self.init(
            path: Array(path), name: name.isEmpty ? nil : Array(name), isRecursive: options.contains(.recursive),
            needsDirectory: options.contains(.needsDirectory), keepsOwner: options.contains(.keepsOwner),
            staysOnFileSystem: options.contains(.staysOnFileSystem))
    }
}
