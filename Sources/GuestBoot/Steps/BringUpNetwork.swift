internal import LinuxSystem

/// Brings up the network of QEMU's user mode, whose addresses are fixed: the guest is 10.0.2.15, the way out 10.0.2.2.
/// No DHCP: it would take the interface down later, and with it the host's files and the link.
enum BringUpNetwork {
    static let address = IPv4Address(10, 0, 2, 15)
    static let gateway = IPv4Address(10, 0, 2, 2)

    static func run(interface: String) throws(StepFailure) -> StepResult {
        try WaitFor.path("/sys/class/net/\(interface)", "network interface \(interface)", seconds: 10)
        do throws(Errno) {
            try? Network.configure("lo", IPv4Address(127, 0, 0, 1), prefix: 8)
            try Network.configure(interface, address, prefix: 24)
        } catch {
            throw StepFailure(
                "cannot give \(interface) the address \(address.text)/24: \(error.description); 'ip link' shows what there is")
        }
        do throws(Errno) {
            try Network.addDefaultRoute(through: gateway)
        } catch {
            return .warning("\(interface) is \(address.text)/24, but there is no route through \(gateway.text): \(error.description)")
        }
        return .done("\(interface) \(address.text)/24")
    }
}
