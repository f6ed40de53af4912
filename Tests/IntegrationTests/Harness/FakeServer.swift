import Foundation

/// An `smbd` that begins with a shell script and then becomes the real one, for `vm run` to find. In the script `$files` has the
/// run's private files.
final class FakeServer: Sendable {
    private let folder: TemporaryFolder

    init(_ script: String) throws {
        folder = try TemporaryFolder()
        let text = "#!/bin/sh\nfiles=${5%/samba/state/*}\n\(script)\nexec /usr/sbin/smbd \"$@\"\n"
        try folder.write("smbd", text, mode: 0o755)
    }

    /// For `vm run`.
    var environment: [String: String?] {
        ["PATH": "\(folder.path):" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")]
    }
}

/// How long tests take that wait: as long as shows the rule, or as long as the rule speaks of, with VM_SOAK.
enum Soak {
    static let isWanted = ProcessInfo.processInfo.environment["VM_SOAK"] != nil
}
