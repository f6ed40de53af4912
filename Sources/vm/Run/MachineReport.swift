import Glibc
import VirtualMachine

/// How a machine's end is told to a person.
enum MachineReport {
    /// What was wrong with the end; nil when the guest simply powered off.
    static func fault(of end: MachineEnd, name: String) -> String? {
        if let failure = end.console.failure, case .panic = failure { return "\(name): \(failure)" }
        switch end.status {
        case .exited(0):
            if let failure = end.console.failure, case .bootFailed = failure { return "\(name): \(failure)" }
            return nil
        case .exited(let code): return "\(name): QEMU ended with exit code \(code)"
        case .signaled(SIGKILL):
            return "\(name): QEMU was killed by signal 9 (SIGKILL): by a person, or by this machine's kernel because memory had run out; "
                + "'dmesg' tells which"
        case .signaled(let signal): return "\(name): QEMU was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }

    /// `reason`, then QEMU's own words and the console's last lines.
    static func text(_ reason: String, _ end: MachineEnd) -> String {
        var lines = [reason]
        lines += end.messages.suffix(8).map { "  QEMU: \($0)" }
        let console = end.console.lines.suffix(15)
        if !console.isEmpty {
            lines.append("  the console's last lines:")
            lines += console.map { "  | \($0)" }
        }
        return lines.joined(separator: "\n")
    }
}
