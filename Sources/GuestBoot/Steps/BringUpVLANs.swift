internal import LinuxSystem

/// Gives the cards on the networks between VMs their addresses. They come after the card of QEMU's user network, in the
/// order of the kernel command line, and are called `eth1` and so on.
enum BringUpVLANs {
    static func run(_ interfaces: [InterfaceAddress]) throws(StepFailure) -> StepResult {
        var names = ""
        for interface in interfaces {
            try WaitFor.path("/sys/class/net/\(interface.name)", "network interface \(interface.name)", seconds: 10)
            do throws(Errno) {
                try Network.configure(interface.name, interface.address, prefix: interface.prefix)
            } catch {
                throw StepFailure("cannot give \(interface.name) the address \(interface.text): \(error.description)")
            }
            if !names.isEmpty { names += ", " }
            names += interface.name + " " + interface.text
        }
        return .done(names)
    }
}
