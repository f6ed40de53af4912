public import Foundation
internal import ControlProtocol
internal import ProxyClient
internal import VirtualMachine
internal import Yams

/// Reads the file of a network: JSON, or YAML, of which JSON is a part. The keys are in `docs/network.schema.json`.
public enum NetworkFile {
    /// The largest file that is read, in bytes.
    public static let maximumLength = 4 << 20

    /// Reads the file at `path`. Relative paths in it are meant from its own directory, but for disk images, which are made where
    /// the VMs run.
    ///
    /// - Throws: `NetworkFileError`, with every fault that was found and its line and column.
    public static func read(_ path: String) throws(NetworkFileError) -> NetworkDescription {
        let url = URL(fileURLWithPath: path)
        let content: Data
        do {
            let file = try FileHandle(forReadingFrom: url)
            defer { try? file.close() }
            content = try file.read(upToCount: maximumLength + 1) ?? Data()
        } catch {
            throw .unreadable(path: path, reason: (error as NSError).localizedFailureReason ?? "\(error)")
        }
        guard content.count <= maximumLength else { throw .unreadable(path: path, reason: "it has more than 4 MiB") }
        return try parse(content, name: path, base: url.deletingLastPathComponent().standardizedFileURL.path)
    }

    /// Reads `content`, whose file is called `name` in errors; `base` is the directory that relative paths are meant from.
    public static func parse(_ content: Data, name: String, base: String) throws(NetworkFileError) -> NetworkDescription {
        guard let text = String(data: content, encoding: .utf8) else { throw .unreadable(path: name, reason: "it is not UTF-8") }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw .syntax(path: name, NetworkFileFault(error))
        } catch {
            throw .unreadable(path: name, reason: "\(error)")
        }
        guard let root else { throw .syntax(path: name, NetworkFileFault(line: 1, column: 1, text: "the file is empty")) }
        let faults = FaultList()
        let description = network(NodeReader(root, place: "", faults: faults), base: base)
        guard faults.all.isEmpty else { throw .invalid(path: name, faults.all) }
        return description
    }

    private static func network(_ reader: NodeReader, base: String) -> NetworkDescription {
        let fields = reader.fields(known: networkKeys)
        var network = NetworkDescription(vms: [], hasBackdoor: fields["backdoor"]?.bool() ?? true)
        guard let list = fields["vms"] else {
            reader.fail("'vms', the list of the VMs, is missing")
            return network
        }
        let items = list.items()
        if items.isEmpty { list.fail("there must be a VM at least") }
        if items.count > VLANAddress.range.upperBound { list.fail("there may be \(VLANAddress.range.upperBound) VMs at most") }
        var names: [String: String] = [:]
        for item in items {
            guard let (vm, name) = machine(item, base: base) else { continue }
            if let other = names.updateValue(name.place, forKey: vm.name) { name.fail("'\(vm.name)' is the name of \(other), too") }
            network.vms.append(vm)
        }
        return network
    }

    /// One VM, and where its name stands.
    private static func machine(_ reader: NodeReader, base: String) -> (VMDescription, NodeReader)? {
        let fields = reader.fields(known: keys)
        guard let nameField = fields["name"] else {
            if reader.isMapping { reader.fail("'name' is missing") }
            return nil
        }
        guard let name = nameField.string() else { return nil }
        if let fault = ControlSocket.fault(inGuestName: name) { nameField.fail("'\(name)' cannot be a VM's name: \(fault)") }
        var vm = VMDescription(name: name)
        func path(_ key: String) -> String? { fields[key]?.string().map { absolute($0, base) } }
        if let vlans = fields["vlans"] { vm.vlans = self.vlans(vlans) }
        vm.kernel = path("kernel")
        vm.initrd = path("initrd")
        vm.modules = path("modules")
        vm.memorySize = fields["memorySize"]?.integer(in: MachineDescription.memoryRange, "MiB")
        vm.cores = fields["cores"]?.integer(in: MachineDescription.coreRange, "processors")
        vm.diskImage = fields["diskImage"]?.string()
        vm.diskSize = fields["diskSize"]?.integer(in: DiskSize.mebibytes, "MiB")
        vm.emptyDiskImages = fields["emptyDiskImages"]?.items().compactMap { $0.integer(in: DiskSize.mebibytes, "MiB") } ?? []
        vm.isEphemeral = fields["ephemeral"]?.bool() ?? false
        vm.root = fields["root"]?.string(of: ["disk", "tmpfs", "host"])
        vm.share = fields["share"]?.string(of: ["cifs", "9p", "virtiofs", "auto"])
        vm.mounts = fields["shares"]?.items().compactMap { mount($0, base: base) } ?? []
        vm.graphics = fields["graphics"]?.bool() ?? false
        vm.store = fields["store"]?.string().map { $0 == "none" ? $0 : absolute($0, base) }
        vm.system = path("system")
        vm.writableStore = fields["writableStore"]?.bool() ?? false
        vm.pathsInNixDB = fields["pathsInNixDB"]?.strings().map { absolute($0, base) } ?? []
        vm.forwards = fields["forwards"]?.items().compactMap(forward) ?? []
        vm.restrictNetwork = fields["restrictNetwork"]?.bool()
        vm.kernelParameters = fields["kernelParameters"]?.strings() ?? []
        vm.qemuOptions = fields["qemuOptions"]?.strings() ?? []
        vm.accelerator = fields["accelerator"]?.string(of: AcceleratorChoice.allCases.map(\.rawValue))
        if vm.isEphemeral || vm.diskImage != nil, let root = fields["root"], vm.root != "disk" {
            root.fail("a root that is no disk leaves no use for 'ephemeral' and 'diskImage'")
        }
        if vm.isEphemeral, let disk = fields["diskImage"] { disk.fail("an ephemeral VM takes a disk of its own: leave one of them out") }
        return (vm, nameField)
    }

    static let networkKeys = ["vms", "backdoor", "$schema"]
    static let shareKeys = ["name", "source", "target", "writable"]
    static let forwardKeys = ["protocol", "hostAddress", "hostPort", "guestPort"]
    static let keys = [
        "name", "vlans", "kernel", "initrd", "modules", "memorySize", "cores", "diskImage", "diskSize", "emptyDiskImages", "ephemeral",
        "root", "share", "shares", "graphics", "store", "system", "writableStore", "pathsInNixDB", "forwards", "restrictNetwork",
        "kernelParameters", "qemuOptions",
        "accelerator",
    ]

    private static func vlans(_ reader: NodeReader) -> [Int] {
        var seen: [Int] = []
        for item in reader.items() {
            guard let number = item.integer(in: VLANAddress.range, "as a network's number") else { continue }
            if seen.contains(number) { item.fail("the network \(number) is there twice") } else { seen.append(number) }
        }
        return seen
    }

    private static func mount(_ reader: NodeReader, base: String) -> String? {
        let fields = reader.fields(known: shareKeys)
        guard let source = fields["source"], let target = fields["target"] else {
            if reader.isMapping { reader.fail("'source' and 'target' must be given") }
            return nil
        }
        guard let directory = source.string(), let place = target.string() else { return nil }
        for (text, field) in [(directory, source), (place, target)] where text.contains(":") {
            field.fail("'\(text)' has a colon, which separates the two for vm run --mount")
            return nil
        }
        guard place.hasPrefix("/") else {
            target.fail("'\(place)' must be an absolute path in the guest")
            return nil
        }
        return absolute(directory, base) + ":" + place + (fields["writable"]?.bool() == true ? ":rw" : "")
    }

    private static func forward(_ reader: NodeReader) -> String? {
        let fields = reader.fields(known: forwardKeys)
        let ports = MachineDescription.PortForward.portRange
        guard let host = fields["hostPort"], let guest = fields["guestPort"] else {
            if reader.isMapping { reader.fail("'hostPort' and 'guestPort' must be given") }
            return nil
        }
        let known = MachineDescription.PortForward.Transport.allCases.map(\.rawValue)
        let transport = fields["protocol"].map { $0.string(of: known) } ?? "tcp"
        let address = fields["hostAddress"].map { $0.string() } ?? "127.0.0.1"
        guard let hostPort = host.integer(in: ports, "as a port"), let guestPort = guest.integer(in: ports, "as a port"),
            let transport, let address
        else { return nil }
        guard MachineDescription.PortForward.isAddress(address) else {
            fields["hostAddress"]?.fail("'\(address)' is no IPv4 address, as 127.0.0.1")
            return nil
        }
        return "\(transport):\(address):\(hostPort):\(guestPort)"
    }

    private static func absolute(_ path: String, _ base: String) -> String { path.hasPrefix("/") ? path : base + "/" + path }
}
