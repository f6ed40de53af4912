internal import AgentProtocol
internal import LinuxSystem

/// Which attributes of an entry its copy gets.
struct Attributes {
    var keepsOwner: Bool
    var keepsSetID: Bool

    /// Gives them to an open file or directory, as far as it takes them.
    func set(_ entry: CopyEntry, on file: FileDescriptor, _ path: [UInt8]) throws(CopyFault) {
        var mode = entry.mode
        // Set-user-ID of a user that it was not meant for would be a hole.
        if !keepsOwner || !keepsSetID { mode &= 0o1777 }
        var failures = ""
        func note(_ what: String, _ error: Errno) {
            if !failures.isEmpty { failures += "; " }
            failures += what + ": " + error.description
        }
        if keepsOwner {
            do throws(Errno) { try file.setOwner(entry.owner, entry.group) } catch {
                mode &= 0o1777
                note("owner", error)
            }
        }
        do throws(Errno) { try file.setMode(UInt32(mode)) } catch { note("mode", error) }
        do throws(Errno) { try file.setTimes(used: entry.used.value, changed: entry.changed.value) } catch { note("times", error) }
        if !failures.isEmpty { throw CopyFault(path, "is copied, but not its " + failures) }
    }

    /// Gives them to a symbolic link, which has no mode.
    func set(_ entry: CopyEntry, onLink name: FileName, in directory: OpenDirectory, _ path: [UInt8]) throws(CopyFault) {
        try CopyFault.wrapping(path, "is copied, but not its owner and times") { () throws(Errno) in
            if keepsOwner { try directory.setOwner(of: name, entry.owner, entry.group) }
            try directory.setTimes(of: name, used: entry.used.value, changed: entry.changed.value)
        }
    }
}
