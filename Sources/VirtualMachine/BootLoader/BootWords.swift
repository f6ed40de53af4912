/// The words of a kernel command line, parted into those that a boot loader passes to the kernel each time and those that only the
/// guest's agent needs, which get there in a file (fw_cfg).
public struct BootWords: Equatable, Sendable {
    /// What the boot loader passes.
    public var loader: [String]
    /// What the agent reads from `opt/vm-agent/parameters`.
    public var agent: [String]

    /// Parts `parameters`, each of which may have several words.
    ///
    /// - Parameter initIsKernels: whether others than the agent look for `init=`, as the initrd of a distribution does.
    public init(_ parameters: [String], initIsKernels: Bool) {
        let words = parameters.flatMap(BootWords.split)
        agent = words.filter { BootWords.isAgents($0, initIsKernels) }
        loader = words.filter { !BootWords.isAgents($0, initIsKernels) } + ["vm.parameters=fw_cfg"]
    }

    private static func isAgents(_ word: String, _ initIsKernels: Bool) -> Bool {
        let name = word.drop { $0 == "\"" }.prefix { $0 != "=" }
        return name.hasPrefix("vm.") || name == "regInfo" || name == "hostname" || (name == "init" && !initIsKernels)
    }

    /// The words of `text` as the kernel splits them (`lib/cmdline.c`, `next_arg`): at white space that is not between double quotes.
    static func split(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for scalar in text.unicodeScalars {
            if scalar == "\"" { isQuoted.toggle() }
            if !isQuoted, scalar.value == 0x20 || (0x09...0x0D).contains(scalar.value) {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.unicodeScalars.append(scalar)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}
