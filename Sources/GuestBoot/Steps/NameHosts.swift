internal import CLinux
internal import LinuxSystem

/// Writes the names of the other VMs into `/etc/hosts`, in a part of its own that the next boot replaces. The lines come through
/// fw_cfg, since they are many in a large network and the kernel command line is short.
enum NameHosts {
    /// The fw_cfg entry with the lines.
    static let entry = "/sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent/hosts/raw"

    private static let begin = "# What follows is vm-agent's, and made anew in each boot."
    private static let end = "# End of vm-agent's part."

    static func run(root: String, entry: String = entry) throws(StepFailure) -> StepResult {
        let lines: [UInt8]
        do throws(Errno) {
            lines = try Files.read(entry)
        } catch {
            return .warning("vm.hosts: cannot read the names from fw_cfg (opt/vm-agent/hosts): \(error.description)")
        }
        let path = root + "/etc/hosts"
        // A system that makes the file itself, as NixOS does, has its own way to name the others.
        if let target = Files.linkTarget(path) { return .done("/etc/hosts is a link to \(target) and stays as it is") }
        do throws(Errno) {
            var old = Array("127.0.0.1\tlocalhost\n::1\tlocalhost\n".utf8)
            do throws(Errno) { old = try Files.read(path) } catch { guard error.code == ENOENT else { throw error } }
            try Files.makeDirectory(root + "/etc")
            let part = path + ".vm-agent"
            let file = try FileDescriptor.open(part, .create, mode: 0o644)
            defer { file.close() }
            try file.writeAll(content(old: old, lines: lines))
            guard rename(part, path) == 0 else { throw .current }
        } catch {
            throw StepFailure("cannot write /etc/hosts: \(error.description)")
        }
        return .done("/etc/hosts")
    }

    /// `old` without an earlier boot's part, and with `lines` in a new one.
    static func content(old: [UInt8], lines: [UInt8]) -> [UInt8] {
        var text = ""
        var isOwn = false
        let all = String(decoding: old, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        // Without an end line, which somebody may have taken away, what follows is not known to be the agent's.
        let lastEnd = all.lastIndex { $0 == end } ?? 0
        for (index, line) in all.enumerated() {
            if line == begin {
                isOwn = index < lastEnd
            } else if line == end {
                isOwn = false
            } else if !isOwn {
                text += line + "\n"
            }
        }
        while text.utf8.suffix(2).elementsEqual("\n\n".utf8) { text.removeLast() }
        var bytes = Array((text + begin + "\n").utf8)
        lines.withUnsafeBytes { bytes.append(contentsOf: $0) }
        if lines.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
        let last = end + "\n"
        for byte in last.utf8 { bytes.append(byte) }
        return bytes
    }
}
