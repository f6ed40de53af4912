/// Which links a server makes, and what it says of itself.
public struct LinkSettings: Equatable, Sendable {
    /// Where to make links; at least one place.
    public var places: [LinkPlace]
    /// The file with the guest's token. A link without one has an empty token.
    public var tokenFile: String

    /// A guest's settings: every transport that it finds, and the token that the launcher gave it through fw_cfg.
    public init(
        places: [LinkPlace] = LinkPlace.ofGuests, tokenFile: String = "/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/token/raw"
    ) {
        self.places = places
        self.tokenFile = tokenFile
    }

    func links(_ loop: Watcher, software: String) -> [Link] {
        let identity = GuestIdentity(tokenFile: tokenFile)
        return places.enumerated().map { id, place in Link(id: id, place, loop, software: software, identity) }
    }
}
