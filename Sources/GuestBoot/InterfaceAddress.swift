public import LinuxSystem

/// A card's address (`vm.interface=eth1:192.168.1.2/24`).
public struct InterfaceAddress: Equatable, Sendable {
    /// The interface's name.
    public var name: String
    /// Its address.
    public var address: IPv4Address
    /// How many bits of the address name the network, 0 to 32.
    public var prefix: Int

    /// Reads `INTERFACE:ADDRESS/PREFIX`; nil when it is not of that form.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count < 16, !parts[0].utf8.contains(UInt8(ascii: "/")) else { return nil }
        let network = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        guard network.count == 2, let address = IPv4Address(network[0]), let prefix = UInt8(network[1]), prefix <= 32 else { return nil }
        name = String(parts[0])
        self.address = address
        self.prefix = Int(prefix)
    }

    /// `192.168.1.2/24`.
    public var text: String { address.text + "/\(prefix)" }
}
