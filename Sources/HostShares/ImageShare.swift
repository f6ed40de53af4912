/// A share as an EROFS image on a disk of its own: nothing of the host's is open to the guest but the image's bytes. The guest mounts
/// `image:NAME`. There is one share, and it never changes.
public struct ImageShare: ShareService {
    /// The one directory that the guest sees, as it was when the image was made.
    public var shares: [ShareDescription]
    /// The image's file.
    public var image: String

    /// Makes a service of an image that is there.
    public init(share: ShareDescription, image: String) {
        shares = [share]
        self.image = image
    }

    /// Finds `mkfs.erofs` in `searchPath` (a `PATH`), then where Debian installs it.
    public static func findBuilder(searchPath: String) throws(ShareError) -> String {
        try ServerSearch.find("mkfs.erofs", searchPath: searchPath, places: ["/usr/bin", "/usr/sbin"], package: "erofs-utils")
    }

    /// The arguments with which `mkfs.erofs` makes `image` of `directory`: the same files give the same bytes. Everything is root's and
    /// of the time 1, as Nix has it in a store; nothing is compressed, because unpacking costs the guest more than reading.
    public static func builderArguments(image: String, directory: String) -> [String] {
        ["--quiet", "-T1", "-U00000000-0000-0000-0000-000000000000", "-x-1", "--all-root", image, directory]
    }

    /// Checks the share's name.
    public func prepare() throws(ShareError) {
        for share in shares where !ShareValidation.isName(share.name) { throw .invalidName(share.name) }
    }

    /// The guest's network is not used.
    public var connections: [ShareConnection] { [] }

    /// The disk.
    public var devices: [ShareDevice] { shares.map { .disk(serial: $0.name, image: image) } }

    /// See `ShareService`.
    public func source(of share: ShareDescription) -> String { "image:\(share.name)" }
}
