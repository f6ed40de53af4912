internal import CLinux
internal import LinuxSystem

/// Becomes the guest's real init. Returns only to say why that is not possible.
enum EnterInit {
    static func run(path: String) -> StepFailure {
        var program = Program(path)
        program.environment = [
            Array("HOME=/".utf8), Array("TERM=linux".utf8),
            Array("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\(InstallTools.directory)".utf8),
        ]
        let error = program.execute()
        return StepFailure("cannot execute init=" + path + ": " + error.description + "; " + advice(error, isThere: Files.exists(path)))
    }

    /// What the kernel's word means for a program that is there, or is not.
    static func advice(_ error: Errno, isThere: Bool) -> String {
        switch error {
        case .noSuchFile where isThere: "the file is there, but not the interpreter that its first line or its ELF header names"
        case .noSuchFile: "is the system in the share, and init= its path in the guest?"
        case Errno(EACCES): "it is not executable: chmod +x it, on a filesystem that allows programs"
        case Errno(ENOEXEC): "it is neither a program for this machine nor a script that begins with #!"
        default: "is it a program for this machine?"
        }
    }
}
