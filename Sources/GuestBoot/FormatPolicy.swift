/// When the disk is formatted (`vm.format=`).
public enum FormatPolicy: String, Sendable {
    /// At every boot; what is on it is destroyed, and named.
    case always
    /// When it is proved empty: the default.
    case empty
    /// Not at all: a disk without a filesystem ends the boot.
    case never
}

extension BootPlan {
    /// What the command line says, with a warning for what is not understood: then nothing more is destroyed than without it.
    mutating func formatPolicy(of commandLine: KernelCommandLine) -> FormatPolicy {
        guard let text = commandLine.value("vm.format") else { return .empty }
        if let policy = FormatPolicy(rawValue: text) { return policy }
        warnings.append("vm.format=\(text): must be always, empty or never; taking empty")
        return .empty
    }
}
