/// A TPM 2.0 for one VM: swtpm, which QEMU reaches through a UNIX socket and which ends with that connection. Its state is in a directory
/// of the run's, and gone with that.
public struct TPMEmulator: Equatable, Sendable {
    /// The private directory with its state, made and removed by the caller.
    public var directory: String
    /// The `swtpm` program.
    public var program: String

    /// Finds `swtpm` in `PATH`.
    public init(directory: String) throws(MachineError) {
        self.directory = directory
        program = try ProgramSearch.find("swtpm", package: "swtpm")
    }

    /// The path of the socket on which it takes QEMU's connection; its standard input is that socket, listening.
    public var socket: String { "\(directory)/socket" }

    /// Its arguments (`man 8 swtpm`).
    public var arguments: [String] {
        ["socket", "--tpm2", "--tpmstate", "dir=\(directory),mode=0600", "--ctrl", "type=unixio,fd=0", "--terminate"]
    }
}
