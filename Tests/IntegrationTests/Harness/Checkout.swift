import Foundation

/// The checkout under test: the programs that `make build` leaves in `dist`, and what `make kernel system` puts into `.cache`.
enum Checkout {
    /// The package's directory, found by this file's own place in it.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    static let vm = "\(root)/dist/vm"
    static let proxy = "\(root)/dist/vm-proxy"
    static let agent = "\(root)/dist/vm-agent"

    /// The root that has the kernel's `lib/modules`.
    static let modules = "\(root)/.cache/kernel"
    static let kernelRelease = firstLine(of: "\(modules)/release") ?? "RELEASE-(run-make-kernel-first)"
    static let kernel = "\(modules)/boot/vmlinuz-\(kernelRelease)"
    /// Debian's kernel for every machine: the other, for clouds, has no 9p.
    static let fullModules = "\(root)/.cache/kernel-full"
    static let fullKernel = "\(fullModules)/boot/vmlinuz-\(firstLine(of: "\(fullModules)/release") ?? "RELEASE-(run-make-kernel-first)")"
    /// The demo system's store path.
    static let system =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/.cache/system")) ?? "/nix/store/(run-make-system-first)"
    /// Built initrds are kept here between the runs of the tests, apart from the user's own.
    static let initrdCache = "\(root)/.cache/tests"

    private static func firstLine(of path: String) -> String? {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").first.map(String.init)
    }
}
