import Testing

extension VMDirectory {
    /// A shell command that fails, and what it says.
    typealias Fault = (command: String, words: String)

    /// Runs each command, in which `$K` is the kernel under test, `$M` its modules and `$DIST` what was built.
    func expect(_ faults: [Fault], code: Int) async throws {
        for (command, words) in faults {
            let result = try await shell(command)
            #expect(result.code == code, "\(command): \(result)")
            #expect(result.errors.contains(words), "\(command): \(result)")
        }
    }

    /// Runs one such command.
    func shell(_ command: String) async throws -> ProgramResult {
        let variables: [String: String?] = [
            "K": Checkout.kernel, "M": Checkout.modules, "DIST": "\(Checkout.root)/dist", "VM_AGENT": Checkout.agent,
            "PATH": "\(Checkout.root)/dist:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
        ]
        return try await program("/bin/sh", ["-c", command], environment: variables).run(within: .seconds(60))
    }
}
