import Foundation
import Glibc

/// Shares over SMB1 with UNIX extensions, as in 2010: QEMU runs one `smbd` per connection to 10.0.2.4:139, on a socket pair,
/// so that nothing listens on the host. The guest mounts `//10.0.2.4/NAME`.
public struct SambaShare: ShareService {
    /// The directories that the guest sees.
    public var shares: [ShareDescription]
    /// The private directory of this service; `prepare` makes it, mode 0700.
    public var directory: String
    /// The `smbd` program.
    public var server: String

    /// Makes a service that keeps its files in `directory`, which need not exist yet.
    public init(shares: [ShareDescription], directory: String, server: String) {
        self.shares = shares
        self.directory = directory
        self.server = server
    }

    /// Finds `smbd` in `searchPath` (a `PATH`), then where Debian installs it.
    public static func findServer(searchPath: String) throws(ShareError) -> String {
        try ServerSearch.find("smbd", searchPath: searchPath, places: ["/usr/sbin", "/usr/local/sbin"], package: "samba")
    }

    /// One connection: smbd ends by itself when the guest or QEMU closes it.
    public var connections: [ShareConnection] {
        let command = ["/bin/sh", scriptFile, server]
        return [ShareConnection(address: "10.0.2.4", port: 139, command: command)]
    }

    /// See `ShareService`.
    public func source(of share: ShareDescription) -> String { "//10.0.2.4/\(share.name)" }

    /// The text of `smb.conf`, for `user`.
    public func configuration(user: String) -> String {
        let exports = shares.map { share in
            SambaConfiguration.Export(name: share.name, path: exportPath(of: share), isReadOnly: share.isReadOnly)
        }
        return SambaConfiguration(user: user, exports: exports).text
    }

    /// Checks the shares, then writes `smb.conf` and the directories that smbd works in.
    public func prepare() throws(ShareError) {
        try ShareValidation.check(shares)
        try ShareValidation.checkConfigurationPath(directory)
        for path in [directory, stateDirectory, exportsDirectory] { try PrivateFiles.makeDirectory(path) }
        for share in shares { try PrivateFiles.makeSymbolicLink(exportPath(of: share), to: share.directory) }
        try PrivateFiles.write(configuration(user: PrivateFiles.userName), to: configurationFile)
        try PrivateFiles.write(SambaShare.script, to: scriptFile)
    }

    /// What serves one connection, with the path of smbd as its argument.
    ///
    /// Each smbd has a directory of its own: two that begin at once in one abort over its databases, and the first is the other's
    /// notify daemon, without which it refuses every share. A guest that gave up a slow server and asks again has two for a moment.
    /// What those that ended have left is removed first, or a guest that connects without end fills the host's disk. All three
    /// descriptors are the connection, so that what sh and smbd have to say before smbd has a log goes to files.
    static let script = """
        here=${0%/*}
        exec 2>"$here/state/messages"
        for dead in "$here"/state/*/; do
          dead=${dead%/}
          kill -0 "${dead##*/}" 2>/dev/null || rm -rf "$dead"
        done
        own=$here/state/$$
        rm -rf "$own" && mkdir -m 700 "$own" || exit 1
        {
          echo "[global]"
        \(SambaConfiguration.ownFiles.map { "  echo \"\($0) = $own\($1)\"" }.joined(separator: "\n"))
          echo "include = $here/smb.conf"
        } >"$own/smb.conf" || exit 1
        exec "$1" -i -l "$own" -s "$own/smb.conf" >"$own/messages" 2>&1

        """

    private var scriptFile: String { directory + "/serve" }
    private var configurationFile: String { directory + "/smb.conf" }
    private var stateDirectory: String { directory + "/state" }
    private var exportsDirectory: String { directory + "/exports" }

    // A symlink to the shared directory stands in smb.conf, so that its path may have any bytes: smbd would replace `%u`,
    // strip spaces and so on. smbd resolves it once, when the guest connects to the share.
    private func exportPath(of share: ShareDescription) -> String { exportsDirectory + "/" + share.name }
}
