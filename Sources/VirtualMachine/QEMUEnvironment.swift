/// The environment variables that the start script of 2010 honoured.
public struct QEMUEnvironment: Equatable, Sendable {
    /// `$QEMU_OPTS`: more QEMU arguments, split as a shell does.
    public var options: [String]
    /// `$QEMU_NET_OPTS`: more options of `-netdev user`, as they are.
    public var networkOptions: String
    /// `$QEMU_KERNEL_PARAMS`: the end of the kernel command line, as it is.
    public var kernelParameters: String

    /// A variable that cannot be used.
    public struct InvalidVariable: Error, Equatable, CustomStringConvertible {
        /// The variable's name.
        public var name: String
        /// What is wrong with its value.
        public var reason: ShellWords.SyntaxError

        /// Makes the error from its parts.
        public init(name: String, reason: ShellWords.SyntaxError) {
            self.name = name
            self.reason = reason
        }

        /// What is wrong, for a person.
        public var description: String { "cannot read $\(name): \(reason)" }
    }

    /// Reads the variables from `environment`.
    public init(_ environment: [String: String]) throws(InvalidVariable) {
        do {
            options = try ShellWords.split(environment["QEMU_OPTS"] ?? "")
        } catch {
            throw InvalidVariable(name: "QEMU_OPTS", reason: error)
        }
        networkOptions = environment["QEMU_NET_OPTS"] ?? ""
        kernelParameters = environment["QEMU_KERNEL_PARAMS"] ?? ""
    }

    /// Adds the variables' contents to `description`, after what it says itself.
    public func apply(to description: inout MachineDescription) {
        description.extraOptions += options
        if !networkOptions.isEmpty {
            let present = description.network.extraOptions
            description.network.extraOptions = present.isEmpty ? networkOptions : present + "," + networkOptions
        }
        if !kernelParameters.isEmpty { description.kernelParameters.append(kernelParameters) }
    }
}
