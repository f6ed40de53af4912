internal import CLinux

extension PeerGate.Peer {
    /// Whether a person sits at the other end: the program that connected has a terminal as its input and its output, as `socat`
    /// and `nc` have when they are typed and not part of a script.
    var isAtTerminal: Bool { Self.isTerminal("/proc/\(process)/fd/0") && Self.isTerminal("/proc/\(process)/fd/1") }

    /// The numbers of terminals: `Documentation/admin-guide/devices.txt`.
    private static func isTerminal(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, linux_is_character_device(status.st_mode) != 0 else { return false }
        let number = (status.st_rdev >> 8) & 0xFFF
        return number == 4 || (136...143).contains(number)
    }
}
