import CLinux
import Foundation

/// What `--accel` came to.
public struct AcceleratorDecision: Equatable, Sendable {
    /// What the machine gets.
    public var accelerator: Accelerator
    /// A sentence for the user when `auto` did not find KVM; nil when there is nothing to say.
    public var note: String?
}

extension AcceleratorChoice {
    /// Decides, after a probe where one is needed: 2 s at most, in which a virtual processor must execute an instruction.
    ///
    /// - Throws: `MachineError.noKVM` for `kvm` on a machine that cannot.
    public func resolve() throws(MachineError) -> AcceleratorDecision {
        if self == .tcg { return AcceleratorDecision(accelerator: .tcg) }
        return try decide(obstacle: KVMProbe.obstacle())
    }

    /// The decision, given what stands in KVM's way.
    func decide(obstacle: String?) throws(MachineError) -> AcceleratorDecision {
        switch (self, obstacle) {
        case (.tcg, _): return AcceleratorDecision(accelerator: .tcg)
        case (_, nil): return AcceleratorDecision(accelerator: .kvm)
        case (.kvm, let obstacle?): throw .noKVM(reason: obstacle)
        case (.auto, let obstacle?):
            return AcceleratorDecision(
                accelerator: .tcg, note: "using QEMU's translator (tcg), which is slower than KVM: \(obstacle)")
        }
    }
}

/// Finds out whether `/dev/kvm` can be used.
enum KVMProbe {
    /// What stands in the way; nil when a virtual processor has executed an instruction.
    static func obstacle() -> String? {
        // A /dev/kvm without processor support (nested, emulated) passes every test and then hangs with a real kernel.
        #if arch(x86_64)
            let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            guard hasVirtualization(cpuinfo: processor) else {
                return "the processor has no virtualization extensions (no vmx or svm in /proc/cpuinfo)"
            }
        #endif
        return describe(linux_kvm_probe(2000))
    }

    /// Whether the flags of `/proc/cpuinfo` name Intel's or AMD's virtualization extensions.
    static func hasVirtualization(cpuinfo: String) -> Bool {
        let flags = cpuinfo.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
        return flags.split(separator: " ").contains { $0 == "vmx" || $0 == "svm" }
    }

    static func describe(_ outcome: linux_kvm_outcome) -> String? {
        let step =
            switch outcome.step {
            case LINUX_KVM_WORKS: String?.none
            case LINUX_KVM_FORK: "start a probe of /dev/kvm"
            case LINUX_KVM_OPEN: "open /dev/kvm"
            case LINUX_KVM_VERSION: "ask /dev/kvm for its version"
            case LINUX_KVM_CREATE_MACHINE: "make a virtual machine with /dev/kvm"
            case LINUX_KVM_CREATE_PROCESSOR: "make a virtual processor with /dev/kvm"
            default: "run a virtual processor with /dev/kvm"
            }
        guard let step else { return nil }
        if outcome.timed_out != 0 { return "cannot \(step): it hangs" }
        let help = outcome.error == EACCES ? " (is this user in the group kvm?)" : ""
        let cause = outcome.error == 0 ? "it does not work" : String(cString: strerror(outcome.error))
        return "cannot \(step): \(cause)\(help)"
    }
}
