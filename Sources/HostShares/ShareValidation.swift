import Foundation
import Glibc

/// What must be true of shares before anything is started.
enum ShareValidation {
    static func check(_ shares: [ShareDescription]) throws(ShareError) {
        var names: Set<String> = []
        for share in shares {
            guard isName(share.name) else { throw .invalidName(share.name) }
            // SMB compares names without case.
            guard names.insert(share.name.lowercased()).inserted else { throw .duplicateName(share.name) }
            try checkDirectory(share)
        }
    }

    static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= 31, isAlphanumeric(first) else { return false }
        // smbd has its own meaning for these sections.
        guard !["global", "homes", "printers", "print$", "ipc$"].contains(name.lowercased()) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static func checkDirectory(_ share: ShareDescription) throws(ShareError) {
        guard share.directory.hasPrefix("/") else { throw .invalidPath(share.directory, reason: "the path must be absolute") }
        guard !share.directory.utf8.contains(0) else { throw .invalidPath(share.directory, reason: "a path has no zero byte") }
        var status = stat()
        guard stat(share.directory, &status) == 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { throw .noSuchDirectory(share.directory) }
            throw .unreadable(share.directory, reason: PrivateFiles.reason(code))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(share.directory) }
        let wanted = R_OK | X_OK | (share.isReadOnly ? 0 : W_OK)
        guard access(share.directory, wanted) == 0 else {
            throw .unreadable(share.directory, reason: PrivateFiles.reason(errno))
        }
    }

    /// A path that smb.conf carries as it is: nothing that smbd substitutes, strips or splits at.
    static func checkConfigurationPath(_ path: String) throws(ShareError) {
        guard path.hasPrefix("/") else { throw .invalidPath(path, reason: "the path must be absolute") }
        let refused = path.unicodeScalars.contains { "%$\"\\;#".unicodeScalars.contains($0) || $0.value < 32 || $0.value == 127 }
        guard !refused, !path.hasSuffix(" "), !path.contains("//") else {
            throw .invalidPath(
                path, reason: "smbd's configuration cannot carry this path; choose a plainer runtime directory (XDG_RUNTIME_DIR or TMPDIR)")
        }
    }
}
