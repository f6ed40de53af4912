internal import CLinux
internal import LinuxSystem

/// The token of a registered guest in the kernel's keyring of the proxy's user: a proxy that takes the place of one that was killed knows
/// by it who the guest's agent is, before the launcher has registered the guest anew. No file, which a share could show to the guest.
struct KeptToken {
    /// In seconds: a guest that runs for longer has none.
    private static let time: UInt32 = 30 * 86_400
    private static let capacity = 1 << 10
    private let name: String

    init(_ guest: String, directory: String) { name = "vm-proxy:\(directory):\(guest)" }

    func keep(_ token: [UInt8]) throws(Errno) {
        if linux_keep_key(name, token, token.count, KeptToken.time) < 0 { throw .current }
    }

    /// Nil where there is none that can be read.
    func load() -> [UInt8]? {
        var token = [UInt8](repeating: 0, count: KeptToken.capacity)
        let count = linux_kept_key(name, &token, token.count)
        return (1...token.count).contains(count) ? Array(token[..<count]) : nil
    }

    func forget() { linux_forget_key(name) }
}
