internal import CLinux
internal import LinuxSystem

/// Puts the initrd's busybox, under all its names, and the agent into `/run/vm-agent/bin`. `/run` moves to the real root,
/// so sessions have a shell and tools in every stage and also where the root is empty.
public enum InstallTools {
    /// Last in every session's `PATH`.
    public static let directory = "/run/vm-agent/bin"
    static let busybox = "/bin/busybox"
    /// The names of busybox's applets, a line each, where the initrd's builder found them.
    static let applets = "/lib/busybox-applets"

    static func run() -> StepResult {
        do throws(Errno) {
            try Files.makeDirectory(directory)
            // A second time the first copy may be running, and cannot be written to.
            if !Files.isExecutable("\(directory)/vm-agent") { try Files.copy("/proc/self/exe", to: "\(directory)/vm-agent", mode: 0o755) }
            guard Files.isExecutable(busybox) else {
                return .warning("no \(busybox) in the initrd: sessions have only what the system itself brings")
            }
            if !Files.isExecutable("\(directory)/busybox") { try Files.copy(busybox, to: "\(directory)/busybox", mode: 0o755) }
        } catch {
            return .warning("cannot copy the tools to \(directory): \(error.description)")
        }
        if let names = try? Files.read(applets) {
            for name in String(decoding: names, as: UTF8.self).split(separator: "\n") { symlink("busybox", "\(directory)/\(name)") }
            return .done(directory)
        }
        let installation = RunProgram.run(Program("\(directory)/busybox", ["--install", "-s", directory]), seconds: 20)
        guard installation.end == .exited(0) else {
            return .warning("busybox --install: \(installation.description)")
        }
        return .done(directory)
    }
}
