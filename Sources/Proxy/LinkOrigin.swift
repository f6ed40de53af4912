internal import AgentProtocol

/// How a link's channel reached the proxy.
enum LinkOrigin: Hashable {
    /// QEMU's helper passed the socket of one connection of the guest (`guestfwd=…-cmd:`).
    case helper(guest: String)
    /// QEMU connected a chardev to the guest's link socket: one stream for all of the agent's connections.
    case linkSocket(guest: String)
    /// The guest connected by vsock; which guest it is, its token says.
    case vsock

    /// The guest, where the way it came tells.
    var guestName: String? {
        switch self {
        case .helper(let guest), .linkSocket(let guest): guest
        case .vsock: nil
        }
    }

    /// Whether the channel ends with the agent's connection.
    var hasEnd: Bool { if case .linkSocket = self { false } else { true } }

    /// What carries the link when the agent does not say.
    var transport: LinkTransport { self == .vsock ? .vsock : .guestForward }
}
