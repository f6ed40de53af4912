internal import CLinux
internal import ControlProtocol
internal import LinuxSystem

/// The token of a registered guest in a file, readable by the proxy's user only: a proxy that takes the place of one that was killed
/// knows by it who the guest's agent is, before the launcher has registered the guest anew.
struct SavedToken {
    private let path: String

    init(_ name: String, directory: String) { path = "\(directory)/\(ControlSocket.tokenFileName(of: name))" }

    /// Throws what keeps it from being written; then there is no file.
    func save(_ token: [UInt8]) throws(Errno) {
        remove()
        let file = try FileDescriptor.open(path, .createNew, mode: 0o600)
        defer { file.close() }
        do throws(Errno) { try file.writeAll(token) } catch {
            remove()
            throw error
        }
    }

    /// Nil where there is none that can be read.
    func load() -> [UInt8]? {
        guard let token = try? Files.read(path, limit: 1 << 10), !token.isEmpty else { return nil }
        return token
    }

    func remove() { unlink(path) }
}
