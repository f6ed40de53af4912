import Foundation
import Glibc

/// Shares over virtiofs: a `virtiofsd` for each, which QEMU reaches through a UNIX socket and which ends with QEMU. The guest mounts
/// `virtiofs:NAME`. Debian's `virtiofsd` needs root.
public struct VirtiofsShare: ShareService {
    /// The directories that the guest sees.
    public var shares: [ShareDescription]
    /// The private directory of this service; `prepare` makes it, mode 0700.
    public var directory: String
    /// The `virtiofsd` program.
    public var server: String
    /// How many files each server may open.
    public var limit: OpenFileLimit

    /// Makes a service that keeps its files in `directory`, which need not exist yet.
    public init(shares: [ShareDescription], directory: String, server: String, limit: OpenFileLimit) {
        self.shares = shares
        self.directory = directory
        self.server = server
        self.limit = limit
    }

    /// Finds `virtiofsd` in `searchPath` (a `PATH`), then where Debian installs it with QEMU or on its own.
    public static func findServer(searchPath: String) throws(ShareError) -> String {
        try ServerSearch.find(
            "virtiofsd", searchPath: searchPath, places: ["/usr/lib/qemu", "/usr/libexec", "/usr/lib"], package: "qemu-system-common")
    }

    /// Checks the shares, and makes the directories that each server shows its share in.
    public func prepare() throws(ShareError) {
        try ShareValidation.check(shares)
        try PrivateFiles.makeDirectory(directory)
        for share in shares { try PrivateFiles.makeDirectory(exportPath(of: share)) }
    }

    /// The guest's network is not used.
    public var connections: [ShareConnection] { [] }

    /// A device for each share.
    public var devices: [ShareDevice] { shares.map { .virtiofs(tag: $0.name, socket: socketPath(of: $0)) } }

    /// A server for each share.
    public var daemons: [ShareDaemon] {
        shares.map { share in
            // `auto` asks again after a second.
            let cache = share.isFixed ? "always" : "auto"
            return ShareDaemon(
                share: share, export: exportPath(of: share), socket: socketPath(of: share), program: server,
                arguments: [
                    "--fd=0", "-f", "--rlimit-nofile=\(limit.attainable)", "-o",
                    "source=\(exportPath(of: share)),cache=\(cache),log_level=warn",
                ])
        }
    }

    /// See `ShareService`.
    public func source(of share: ShareDescription) -> String { "virtiofs:\(share.name)" }

    private func exportPath(of share: ShareDescription) -> String { "\(directory)/\(share.name)" }
    private func socketPath(of share: ShareDescription) -> String { "\(directory)/\(share.name).socket" }
}

/// A program that serves one share to QEMU.
public struct ShareDaemon: Equatable, Sendable {
    /// What it serves.
    public var share: ShareDescription
    /// Where it must find the share's directory, in mounts of its own: read-only there when the share is.
    public var export: String
    /// The path of the socket on which it takes QEMU's connection; its standard input is that socket, listening.
    public var socket: String
    /// The program.
    public var program: String
    /// Its arguments.
    public var arguments: [String]
}
