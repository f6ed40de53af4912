/// A host directory that a guest sees.
public struct ShareDescription: Codable, Equatable, Sendable {
    /// The share's name: letters, digits, `.`, `_` and `-`, at most 31 of them, the first a letter or digit.
    public var name: String
    /// The directory on the host, an absolute path. Nothing outside of it becomes reachable.
    public var directory: String
    /// False lets the guest write into `directory`, as the user who started the VM.
    public var isReadOnly: Bool

    /// Whether what is in it stays as it is while the guest runs, as in a store: the guest may keep what it has seen.
    public var isFixed: Bool

    /// Makes a share from its parts.
    public init(name: String, directory: String, isReadOnly: Bool = true, isFixed: Bool = false) {
        self.name = name
        self.directory = directory
        self.isReadOnly = isReadOnly
        self.isFixed = isFixed
    }
}
