internal import LinuxSystem

/// Makes a tmpfs the root to be: the guest has no disk, and nothing of it is left at the end.
enum MountMemoryRoot {
    static func run(root: String) throws(StepFailure) -> StepResult {
        do throws(MountError) {
            if !Files.isDirectory(root) { try? Files.makeDirectory(root) }
            try Mount.memory(source: "vm-agent-root", on: root, mode: "755")
        } catch {
            throw StepFailure(error.text)
        }
        try RootDirectories.make(in: root, on: "tmpfs")
        return .done("tmpfs")
    }
}
