/// What executes the guest's instructions.
public enum Accelerator: String, Codable, Equatable, Sendable {
    /// The host's processor, through `/dev/kvm`.
    case kvm
    /// QEMU's translator: slower, works everywhere.
    case tcg

    /// What a guest with so many processors had better be told on its kernel command line: what costs little on a processor costs
    /// much when each instruction is translated.
    public func kernelParameters(cores: Int) -> [String] {
        guard self == .tcg else { return [] }
        // Zeroing each page that is handed out is a third of what it costs to read a file.
        var parameters = ["init_on_alloc=0"]
        if cores == 1 {
            // Else the kernel counts the local timer's ticks for a tenth of a second; one processor can take the HPET instead.
            parameters.append("noapictimer")
            // Else the kernel takes each lock prefix out of its own text, for 0.2 s; the translator ignores them anyway.
            parameters.append("noreplace-smp")
        }
        return parameters
    }
}

/// What the user asks for with `--accel`.
public enum AcceleratorChoice: String, CaseIterable, Codable, Equatable, Sendable {
    /// KVM or nothing.
    case kvm
    /// The translator, even where KVM works.
    case tcg
    /// KVM where it is proved to work, else the translator.
    case auto
}
