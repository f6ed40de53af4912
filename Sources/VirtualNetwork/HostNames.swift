internal import VirtualMachine

extension NetworkDescription {
    /// The lines for the `/etc/hosts` of the VM at `index`: an address and a name for each VM that has a card.
    ///
    /// A VM that has a network in common is named with its address there, every other with its first, as in 2010.
    public func hosts(for index: Int) -> String {
        let own = vms[index].vlans
        var text = ""
        for (place, vm) in vms.enumerated() {
            guard let vlan = vm.vlans.first(where: { own.contains($0) }) ?? vm.vlans.first else { continue }
            text += "\(VLANAddress(vlan: vlan, number: place + 1).address)\t\(vm.name)\n"
        }
        return text
    }
}
