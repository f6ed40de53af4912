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
        return StepFailure("cannot execute init=\(path): \(error.description); is the system in the share, and is init executable?")
    }
}
