internal import CLinux

/// This process's identifier.
func currentProcess() -> Int32 { getpid() }

/// Removes a file's name; true when it was there.
func unlinkFile(_ path: String) -> Bool { unlink(path) == 0 }

/// Compares in a time that does not tell where two secrets differ.
func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
