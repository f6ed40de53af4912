/// A VM's place on a network between VMs, by the rule of 2010: the VM with the number M has the address 192.168.N.M on
/// the network N.
public struct VLANAddress: Equatable, Sendable {
    /// The network's number, in `range`.
    public var vlan: Int
    /// The VM's place in its list, counted from 1, in `range`.
    public var number: Int

    /// The numbers that networks and VMs may have.
    public static let range = 1...254

    /// Makes an address from its parts.
    public init(vlan: Int, number: Int) {
        self.vlan = vlan
        self.number = number
    }

    /// `192.168.N.M`.
    public var address: String { "192.168.\(vlan).\(number)" }

    /// The card's address: no two VMs of a network have the same one.
    public var macAddress: String { "52:54:00:12:\(Self.hexadecimal(vlan)):\(Self.hexadecimal(number))" }

    /// The word of the kernel command line that gives the guest's card `eth<card>` this address.
    public func kernelParameter(card: Int) -> String { "vm.interface=eth\(card):\(address)/24" }

    /// The environment variable that names the directory of a network's switch, as in 2010.
    public static func switchVariable(_ vlan: Int) -> String { "QEMU_VDE_SOCKET_\(vlan)" }

    private static func hexadecimal(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return text.count < 2 ? "0" + text : text
    }
}
