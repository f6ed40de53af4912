internal import CLinux
public import GuestBoot
internal import LinuxSystem

extension ServingProcess {
    private static let claim = "vm-agent-serving"

    /// Makes this process the one that serves the guest, for as long as it lives: two would share the host's clients between
    /// them, and neither would know of all sessions. False when another one does.
    public static func claimGuest() -> Bool {
        // The socket is never closed.
        linux_listen_packets(claim) >= 0 || Errno.current != Errno(EADDRINUSE)
    }
}

extension LinkSettings {
    /// Whether they are those of a guest, and not of a link that somebody has arranged.
    public var isOfGuests: Bool { places == LinkPlace.ofGuests }
}
