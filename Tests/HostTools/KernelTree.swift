internal import Glibc
internal import LinuxSystem

/// The kernel that the tests boot and look into: `$VM_AGENT_TEST_KERNEL`, else `.cache/kernel`, where `make kernel` unpacks it.
public struct KernelTree: Sendable {
    /// The directory with `boot`, `lib/modules` and `release`.
    public let root: String
    /// Its release.
    public let release: String

    /// Finds it.
    public init() throws {
        let package = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        root = getenv("VM_AGENT_TEST_KERNEL").map { String(cString: $0) } ?? "\(package)/.cache/kernel"
        guard let line = try? Files.readLine("\(root)/release") else {
            throw Tool.Failure(description: "there is no kernel in \(root): run `make kernel`, or set VM_AGENT_TEST_KERNEL")
        }
        release = line
    }

    /// `lib/modules/RELEASE`.
    public var modules: String { "\(root)/lib/modules/\(release)" }
    /// The kernel itself.
    public var kernel: String { "\(root)/boot/vmlinuz-\(release)" }
}
