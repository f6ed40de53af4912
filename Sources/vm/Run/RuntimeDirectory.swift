import Foundation
import LinuxSystem

/// A private directory for one run's files, removed with everything in it at the run's end.
struct RuntimeDirectory {
    /// Its absolute path. Short: sockets are in it.
    let path: String
    /// Locked for as long as the run lives.
    private let lock: CInt

    private static let lockName = "vm-run.lock"
    /// What the lock's file has in it: nothing is removed that is not certainly a run's.
    private static let lockText = "locked while vm run lives\n"

    /// Where to make one: in the first of some directories that can be written.
    enum Place {
        /// For sockets, secrets and small files: `$XDG_RUNTIME_DIR`, else `$TMPDIR`, else `/tmp`.
        case memory
        /// For disks: `$TMPDIR`, else `/var/tmp`, else `/tmp`. `$XDG_RUNTIME_DIR` is memory, and a small part of it.
        case disk

        fileprivate var parents: [String] {
            let environment = ProcessInfo.processInfo.environment
            let (runtime, temporary) = (environment["XDG_RUNTIME_DIR"], environment["TMPDIR"])
            let all = self == .memory ? [runtime, temporary, "/tmp"] : [temporary, "/var/tmp", "/tmp"]
            return all.compactMap { $0 }.filter { $0.hasPrefix("/") }
        }
    }

    /// Makes one.
    init(for name: String, in place: Place = .memory) throws(Failure) {
        let parents = place.parents
        var reasons: [String] = []
        for parent in parents {
            var template = Array("\(parent)/vm-\(name.prefix(20)).XXXXXX".utf8CString)
            if let made = mkdtemp(&template) {
                path = String(cString: made)
                lock = open("\(path)/\(Self.lockName)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
                if lock >= 0, flock(lock, LOCK_EX) == 0 { _ = Self.lockText.withCString { Glibc.write(lock, $0, strlen($0)) } }
                Self.removeAbandoned(in: parent)
                return
            }
            reasons.append("\(parent): \(String(cString: strerror(errno)))")
        }
        throw Failure(
            "cannot make a directory for the run's files: \(reasons.joined(separator: "; ")); set TMPDIR to one that can be written")
    }

    /// Removes the directories of runs that were killed before they could: nobody holds their locks any more.
    private static func removeAbandoned(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix("vm-") {
            let directory = "\(parent)/\(name)"
            var status = stat()
            guard lstat(directory, &status) == 0, status.st_mode & (S_IFMT | 0o777) == S_IFDIR | 0o700, status.st_uid == geteuid(),
                name.split(separator: ".").count > 1, name.split(separator: ".").last?.count == 6
            else { continue }
            let lock = open("\(directory)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard lock >= 0 else { continue }
            defer { close(lock) }
            // The text is written when the lock is held.
            guard FileManager.default.contents(atPath: "\(directory)/\(lockName)") == Data(lockText.utf8) else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: directory) }
        }
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

    /// Makes a file for what a program says; it is the caller's to close.
    static func makeLog(_ path: String) throws(Failure) -> FileDescriptor {
        do throws(Errno) { return try FileDescriptor.open(path, .create, mode: 0o600) } catch {
            throw Failure("cannot write \(path): \(error)")
        }
    }

    /// Removes it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
