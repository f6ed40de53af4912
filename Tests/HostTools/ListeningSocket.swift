import LinuxSystem

/// Whether a program takes connections at a socket file whose path it gave as this. The file alone does not say so: it is there a
/// moment before (`listen` comes after `bind`).
public func isListening(_ path: String) -> Bool {
    // Number, references, protocol, flags (SO_ACCEPTCON), type, state, inode, path.
    let sockets = (try? Files.read("/proc/net/unix", limit: 64 << 20)) ?? []
    return String(decoding: sockets, as: UTF8.self).split(separator: "\n").contains { line in
        let fields = line.split(separator: " ", maxSplits: 7)
        return fields.count == 8 && fields[3] == "00010000" && fields[7] == path
    }
}
