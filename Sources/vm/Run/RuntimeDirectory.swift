import Foundation

/// A private directory for one run's files, removed with everything in it at the run's end.
struct RuntimeDirectory {
    /// Its absolute path. Short: sockets are in it.
    let path: String

    /// Makes one in `$XDG_RUNTIME_DIR`, else in `$TMPDIR`, else in `/tmp`.
    init(for name: String) throws(Failure) {
        let environment = ProcessInfo.processInfo.environment
        let parents = [environment["XDG_RUNTIME_DIR"], environment["TMPDIR"], "/tmp"].compactMap { $0 }.filter { $0.hasPrefix("/") }
        var reasons: [String] = []
        for parent in parents {
            var template = Array("\(parent)/vm-\(name.prefix(20)).XXXXXX".utf8CString)
            if let made = mkdtemp(&template) {
                path = String(cString: made)
                return
            }
            reasons.append("\(parent): \(String(cString: strerror(errno)))")
        }
        throw Failure(
            "cannot make a directory for the run's files: \(reasons.joined(separator: "; ")); set TMPDIR to one that can be written")
    }

    /// A path in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file that only this user can read.
    func write(_ bytes: some Collection<UInt8>, to name: String) throws(Failure) -> String {
        let path = file(name)
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600]) else {
            throw Failure("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return path
    }

    /// Removes it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
