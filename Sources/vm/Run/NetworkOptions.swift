public import ArgumentParser
import Foundation
public import VirtualMachine

/// What the VM's network is.
struct NetworkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the VM reaches beside its host's agent and files: restricted (nothing), or full (what this machine reaches).",
            valueName: "kind"))
    var network: NetworkReach = .restricted

    @Option(
        help: ArgumentHelp(
            "Lead a port of this machine to one of the VM: [tcp:|udp:][ADDRESS:]HOST_PORT:GUEST_PORT; may be repeated. ADDRESS is "
                + "127.0.0.1 where it is not given.", valueName: "ports"))
    var forward: [MachineDescription.PortForward] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "One more card, on the network N between VMs (1 to 254); may be repeated. Its vde_switch is the directory in "
                + "$QEMU_VDE_SOCKET_N, which vm up sets.", valueName: "N"))
    var vlan: [Int] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The VM's number on those networks: its address is 192.168.N.NUMBER.", valueName: "number"))
    var number = 1

    @Option(help: ArgumentHelp("A file with lines to add to the guest's /etc/hosts.", valueName: "file"), completion: .file())
    var hosts: String?

    func validate() throws {
        let range = VLANAddress.range
        for number in vlan where !range.contains(number) {
            throw ValidationError("--vlan \(number): must be \(range.lowerBound) to \(range.upperBound).")
        }
        guard Set(vlan).count == vlan.count else { throw ValidationError("--vlan: a network is given twice.") }
        guard range.contains(number) else {
            throw ValidationError("--number \(number): must be \(range.lowerBound) to \(range.upperBound).")
        }
    }

    /// The cards, with their switches from the environment.
    func cards() throws(Failure) -> [MachineDescription.VLANCard] {
        var cards: [MachineDescription.VLANCard] = []
        for vlan in vlan {
            let variable = VLANAddress.switchVariable(vlan)
            guard let directory = ProcessInfo.processInfo.environment[variable], !directory.isEmpty else {
                throw Failure(
                    "--vlan \(vlan): $\(variable) does not name the directory of a vde_switch; start the VMs with vm up, or a switch with: "
                        + "vde_switch -s DIRECTORY")
            }
            guard access("\(directory)/ctl", F_OK) == 0 else {
                throw Failure("--vlan \(vlan): no vde_switch answers at \(directory) ($\(variable)): there is no \(directory)/ctl")
            }
            cards.append(.init(switchDirectory: directory, macAddress: VLANAddress(vlan: vlan, number: number).macAddress))
        }
        return cards
    }

    /// The words for the kernel command line.
    var kernelParameters: [String] {
        var parameters = vlan.enumerated().map { VLANAddress(vlan: $1, number: number).kernelParameter(card: $0 + 1) }
        if hosts != nil { parameters.append("vm.hosts") }
        // QEMU's own name server, which asks this machine's.
        if network == .full { parameters.append("vm.name-server=10.0.2.3") }
        return parameters
    }

    /// The lines of `--hosts`.
    func hostLines() throws(Failure) -> Data? {
        guard let hosts else { return nil }
        guard let lines = FileManager.default.contents(atPath: hosts) else {
            throw Failure("--hosts \(hosts): \(String(cString: strerror(errno)))")
        }
        guard lines.count <= 1 << 20 else { throw Failure("--hosts \(hosts): it has more than 1 MiB") }
        return lines
    }
}

/// What a VM reaches over QEMU's user network.
enum NetworkReach: String, ExpressibleByArgument, CaseIterable {
    /// What its launcher forwards, and nothing else.
    case restricted
    /// What the host reaches.
    case full
}

extension MachineDescription.PortForward: ExpressibleByArgument {
    /// Reads an option's value.
    public init?(argument: String) { self.init(argument) }
}
