import ControlProtocol
import Foundation
import LinuxSystem
import Testing

/// A directory of VMs, as `--directory` takes it, with a place for their private files beside it: a test's own world, in
/// which nothing may be left at the end but disks.
final class VMDirectory: Sendable {
    /// The VMs' sockets and disks.
    let path: String
    /// What `vm` sees as `XDG_RUNTIME_DIR` and `TMPDIR`.
    let temporary: String
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.makeDirectory("d")
        temporary = try folder.makeDirectory("t")
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// What every program of a test inherits; processes are found again by the first one.
    private var environment: [String: String?] {
        [
            Self.mark: path, "XDG_RUNTIME_DIR": temporary, "TMPDIR": temporary, "XDG_CACHE_HOME": Checkout.initrdCache,
            // What the caller of the tests may have set changes what `vm` does.
            "VM_KERNEL": nil, "VM_AGENT": nil, "VM_PROXY": nil, "NIX_DISK_IMAGE": nil, "QEMU_OPTS": nil, "QEMU_NET_OPTS": nil,
        ]
    }

    private static let mark = "VM_TEST_DIRECTORY"

    // MARK: Programs

    /// `vm` with `arguments`, in this directory.
    func vm(_ arguments: [String], input: [UInt8] = [], environment more: [String: String?] = [:]) -> HostProgram {
        program(Checkout.vm, arguments, input: input, environment: more)
    }

    /// `vm run` with the kernel under test; `isVerbose`: telling all it knows, and the guest's console.
    func vmRun(_ options: [String], command: [String] = [], name: String, isVerbose: Bool = true) -> HostProgram {
        let ownKernel = options.contains("--kernel")
        let kernel = ownKernel ? [] : ["--kernel", Checkout.kernel]
        let modules = ownKernel || options.contains("--initrd") ? [] : ["--modules", Checkout.modules]
        // What works everywhere, unless a test wants another.
        let share = options.contains("--share") || options.contains("--initrd") ? [] : ["--share", "cifs"]
        let arguments = ["run"] + (isVerbose ? ["--verbose"] : []) + ["--name", name] + kernel + modules + share + options
        return vm(arguments + (command.isEmpty ? [] : ["--"] + command))
    }

    /// Any program, in this directory.
    func program(
        _ path: String, _ arguments: [String], input: [UInt8] = [], environment more: [String: String?] = [:]
    ) -> HostProgram {
        HostProgram(
            path: path, arguments: arguments, environment: environment.merging(more) { $1 }, directory: self.path, input: input)
    }

    /// A shell script, in this directory, with `argument` as its `$0`; stops at the first command that fails.
    @discardableResult func script(_ text: String, argument: String = "sh") async throws -> ProgramResult {
        let result = try await program("/bin/sh", ["-euc", text, argument], environment: ["PATH": Self.administratorPath]).run()
        guard result.code == 0 else { throw ProgramFailure(cause: "script: \(text)", output: result.text, errors: result.errors) }
        return result
    }

    /// Writes a file of the test's own, beside the directory.
    func privateFile(_ name: String, _ bytes: some Collection<UInt8>, mode: Int = 0o644) throws -> String {
        try folder.write("files/\(name)", bytes, mode: mode)
    }

    /// Where Debian has the tools for disks, which a user's own `PATH` lacks.
    private static let administratorPath = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/local/sbin:/usr/sbin:/sbin"

    /// `socat` between `input` and a socket file of the directory, as the manual has it. It ends by itself when the guest has
    /// closed its side; `patience` seconds after the end of `input` it gives up.
    func socat(_ socket: String, input: String, patience: Int = 200) -> HostProgram {
        program("/usr/bin/socat", ["-t\(patience)", "-", "UNIX:\(socket)"], input: Array(input.utf8))
    }

    // MARK: What is there

    /// The guests that `vm ps --json` tells of.
    func guests() async throws -> [GuestStatus] {
        let answer = try await vm(["ps", "--json"]).run()
        guard answer.code == 0 else { throw ProgramFailure(cause: "vm ps", output: answer.text, errors: answer.errors) }
        return try JSONDecoder().decode([GuestStatus].self, from: Data(answer.output))
    }

    /// What the directory's proxy says of itself.
    func proxyStatus() async throws -> ProxyStatus {
        let answer = try await socat(ControlSocket.name, input: "STATUS\n").run()
        guard answer.text.hasPrefix("OK\n") else { throw ProgramFailure(cause: "STATUS", output: answer.text, errors: answer.errors) }
        return try JSONDecoder().decode(ProxyStatus.self, from: Data(answer.output.dropFirst(3)))
    }

    /// The live processes that were started for this directory, however deep: `PID COMMAND`.
    func processes() -> [String] {
        let mark = Array("\(Self.mark)=\(path)\0".utf8)
        let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        return numbers.compactMap { number in
            guard let variables = try? Files.read("/proc/\(number)/environ", limit: 4 << 20) else { return nil }
            guard Data("\0".utf8 + variables + [0]).range(of: Data("\0".utf8 + mark)) != nil else { return nil }
            let words = ((try? Files.read("/proc/\(number)/cmdline", limit: 4 << 20)) ?? []).split(separator: 0)
            return "\(number) " + words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        }
    }

    /// Everything that `vm` should have removed: sockets, and all of its private files.
    func leftFiles() -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let sockets = files.filter { $0.hasSuffix(".socket") || $0.hasPrefix(".") }
        let privateFiles = (try? FileManager.default.subpathsOfDirectory(atPath: temporary)) ?? []
        return sockets + privateFiles
    }

    /// Fails the test when something is left of its VMs. Processes that were told to end may take their moment.
    func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async {
        _ = try? await eventually("the processes of \(path) to end", within: .seconds(30)) { processes().isEmpty }
        #expect(processes().isEmpty, "these processes are left", sourceLocation: sourceLocation)
        #expect(leftFiles().isEmpty, "these files are left", sourceLocation: sourceLocation)
    }
}
