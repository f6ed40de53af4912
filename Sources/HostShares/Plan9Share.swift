/// Shares over 9p: QEMU itself reads the files, as the user who runs it. The guest mounts `9p:NAME`.
public struct Plan9Share: ShareService {
    /// The directories that the guest sees.
    public var shares: [ShareDescription]

    /// Makes a service.
    public init(shares: [ShareDescription]) { self.shares = shares }

    /// Checks the shares.
    public func prepare() throws(ShareError) { try ShareValidation.check(shares) }

    /// The guest's network is not used.
    public var connections: [ShareConnection] { [] }

    /// A device for each share.
    public var devices: [ShareDevice] {
        shares.map { .plan9(tag: $0.name, directory: $0.directory, isReadOnly: $0.isReadOnly) }
    }

    /// See `ShareService`.
    public func source(of share: ShareDescription) -> String { "9p:\(share.name)" }
}
