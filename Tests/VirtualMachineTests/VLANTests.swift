import Testing

@testable import VirtualMachine

@Suite struct VLANTests {
    @Test func theAddressIsThatOfTheRuleOf2010() {
        let place = VLANAddress(vlan: 2, number: 17)
        #expect(place.address == "192.168.2.17")
        #expect(place.macAddress == "52:54:00:12:02:11")
        #expect(place.kernelParameter(card: 1) == "vm.interface=eth1:192.168.2.17/24")
        #expect(VLANAddress.switchVariable(2) == "QEMU_VDE_SOCKET_2")
    }

    @Test func noTwoVMsOfANetworkHaveACardOfTheSameAddress() {
        let all = VLANAddress.range.flatMap { vlan in VLANAddress.range.map { VLANAddress(vlan: vlan, number: $0).macAddress } }
        #expect(Set(all).count == all.count)
    }

    @Test func eachNetworkIsACardAfterTheUserNetworks() {
        var machine = MachineDescription(name: "m", kernel: "/k", runtimeDirectory: "/run")
        machine.vlans = [.init(switchDirectory: "/a,b", macAddress: "52:54:00:12:01:01")]
        let arguments = machine.qemuArguments
        let user = arguments.firstIndex { $0.hasPrefix("virtio-net-pci,netdev=network") }
        let card = arguments.firstIndex(of: "virtio-net-pci,netdev=vlan0,mac=52:54:00:12:01:01,romfile=")
        #expect(arguments.contains("vde,id=vlan0,sock=/a,,b"))
        #expect(user != nil && card != nil && user ?? 0 < card ?? 0)
    }

    @Test func extraDisksFollowTheRootDisk() {
        var machine = MachineDescription(name: "m", kernel: "/k", disk: .init(path: "/root", format: .raw), runtimeDirectory: "/run")
        machine.extraDisks = [.init(path: "/one", format: .qcow2), .init(path: "/two", format: .raw)]
        #expect(
            machine.qemuArguments.filter { $0.hasPrefix("virtio-blk-pci") } == [
                "virtio-blk-pci,drive=root", "virtio-blk-pci,drive=disk1", "virtio-blk-pci,drive=disk2",
            ])
    }

    @Test(arguments: [
        ("8080:80", "tcp:127.0.0.1:8080:80"), ("udp:53:53", "udp:127.0.0.1:53:53"), ("0.0.0.0:1:2", "tcp:0.0.0.0:1:2"),
        ("tcp:10.1.2.3:65535:1", "tcp:10.1.2.3:65535:1"),
    ])
    func aForwardIsReadAndWritten(text: String, whole: String) {
        #expect(MachineDescription.PortForward(text)?.text == whole)
        #expect(MachineDescription.PortForward(whole)?.text == whole)
    }

    @Test(arguments: [
        "", "80", "0:80", "80:65536", "x:80", "tcp:80", "sctp:1:2", "1.2.3:80:80", "1.2.3.4.5:80:80", "1.2.3.256:1:2", "a,b:1:2",
        "1:2:3:4:5",
    ])
    func whatIsNoForwardIsRefused(text: String) { #expect(MachineDescription.PortForward(text) == nil) }

    @Test func aForwardGoesToQEMUsUserNetwork() {
        var machine = MachineDescription(name: "m", kernel: "/k", runtimeDirectory: "/run")
        machine.network.portForwards = [.init(hostPort: 8080, guestPort: 80)]
        #expect(machine.qemuArguments.contains("user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:8080-:80"))
    }
}
