internal import LinuxSystem

/// Loads the registration into the guest's Nix database with the guest's own Nix, as the 2010 module's `postBootCommands`
/// did: `nix-store --load-db < $regInfo`. Runs after the switch, so that every path is the guest's own. A registration
/// that cannot be loaded never stops a boot.
public enum RegisterStorePaths {
    /// Loads `registration` with `nixStore`, or with the first `nix-store` of the system or its `PATH`.
    public static func run(registration: String, nixStore: String?, systemPath: String?) -> StepResult {
        let places = SystemPrograms.directories(systemPath: systemPath)
        let found = nixStore ?? places.lazy.map { "\($0)/nix-store" }.first { Files.isExecutable($0) }
        guard let program = found else {
            return .warning(
                "regInfo=\(registration) is not loaded: no nix-store in \(places.joined(separator: ":"));"
                    + " name one with vm.nix-store=PATH")
        }
        let input: FileDescriptor
        do throws(Errno) {
            input = try FileDescriptor.open(registration, .read)
        } catch {
            return .warning(
                "cannot read the registration regInfo=\(registration): \(error.description); no store path is registered")
        }
        defer { input.close() }
        var load = Program(program, ["--load-db"])
        load.standardInput = input
        load.environment = [
            // A guest that was never booted has no /etc/passwd; Nix takes its user's name from here then.
            Array("USER=root".utf8), Array("HOME=/root".utf8), Array("PATH=\(places.joined(separator: ":"))".utf8),
            Array("NIX_REMOTE=".utf8),
        ]
        let outcome = RunProgram.run(load, seconds: 600)
        guard outcome.end == .exited(0) else {
            return .warning("\(program) --load-db < \(registration): \(outcome.description); the store paths are not registered")
        }
        return .done("\(registration) by \(program)")
    }
}
