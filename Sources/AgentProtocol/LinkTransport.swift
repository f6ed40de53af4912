/// What carries a link's bytes, as the agent's hello names it.
public enum LinkTransport: String, CaseIterable, Sendable {
    /// TCP to 10.0.2.6:23 in QEMU's user network.
    case guestForward = "guestfwd"
    /// The virtio-serial port `vm-agent`.
    case virtioSerial = "virtio-serial"
    /// AF_VSOCK to the host, port 23.
    case vsock = "vsock"
    /// A socket that the agent was given: one on the same machine, as in tests.
    case socket = "socket"

    /// The slower a transport is, the higher its rank. Measured under TCG: guestfwd carries 6 MB/s, virtio-serial 225 MB/s.
    public var rank: Int { self == .guestForward ? 1 : 0 }
}
