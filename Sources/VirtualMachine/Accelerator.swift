/// What executes the guest's instructions.
public enum Accelerator: String, Codable, Equatable, Sendable {
    /// The host's processor, through `/dev/kvm`.
    case kvm
    /// QEMU's translator: slower, works everywhere.
    case tcg
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
