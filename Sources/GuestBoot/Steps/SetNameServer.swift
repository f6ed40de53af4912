internal import LinuxSystem

/// Names the name server of QEMU's user network where the guest's root names none.
enum SetNameServer {
    static func run(_ address: IPv4Address, root: String) -> StepResult {
        let path = root + "/etc/resolv.conf"
        if Files.exists(path) || Files.linkTarget(path) != nil { return .done("/etc/resolv.conf stays as it is") }
        do throws(Errno) {
            try Files.makeDirectory(root + "/etc")
            try Files.write("nameserver " + address.text + "\n", to: path, .create)
            return .done(address.text)
        } catch {
            return .warning("cannot write /etc/resolv.conf, so no names are looked up: \(error.description)")
        }
    }
}
