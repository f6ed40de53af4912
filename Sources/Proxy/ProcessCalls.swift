internal import CLinux
internal import Glibc

/// This process's identifier.
func currentProcess() -> Int32 { getpid() }

/// Allows as many open files as the system lets this process have: every session is one, and the soft limit is often 1,024.
func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Removes a file's name; true when it was there.
func unlinkFile(_ path: String) -> Bool { unlink(path) == 0 }

/// Compares in a time that does not tell where two secrets differ.
func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
