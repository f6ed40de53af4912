import ArgumentParser

/// When the guest formats its disk: `vm.format=` of the kernel command line.
enum FormatChoice: String, ExpressibleByArgument, CaseIterable {
    case always, empty, never
}

extension MachineOptions {
    /// The word of the kernel command line for `--format`, where that is given.
    var formatParameters: [String] { format.map { ["vm.format=\($0.rawValue)"] } ?? [] }
}
