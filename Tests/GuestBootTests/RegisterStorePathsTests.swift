import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

/// A registration that cannot be loaded is a warning: it never stops a boot.
@Suite struct RegisterStorePathsTests {
    @Test func theProgramThatIsNamedReadsTheRegistration() throws {
        let directory = try TemporaryDirectory()
        let program = try directory.write(
            "nix-store", "#!/bin/sh\n{ echo \"$@\"; cat; echo \"$USER $HOME\"; } >'\(directory.path)/seen'\n", mode: 0o755)
        let registration = try directory.write("registration", "/nix/store/abc\n")
        let result = RegisterStorePaths.run(registration: registration, nixStore: program, systemPath: nil)
        #expect(result == .done("\(registration) by \(program)"))
        #expect(try directory.read("seen") == Array("--load-db\n/nix/store/abc\nroot /root\n".utf8))
    }

    @Test func theSystemsOwnProgramComesBeforeAnyOther() throws {
        let system = try TemporaryDirectory()
        let program = try system.write("sw/bin/nix-store", "#!/bin/sh\nexec cat >/dev/null\n", mode: 0o755)
        let registration = try system.write("registration", "x")
        // Only on a machine that runs NixOS could another one come first.
        try #require(!Files.exists("/run/current-system"))
        #expect(
            RegisterStorePaths.run(registration: registration, nixStore: nil, systemPath: system.path).detail.hasSuffix(" by \(program)"))
    }

    @Test func aProgramThatFailsIsAWarningWithItsLastWords() throws {
        let directory = try TemporaryDirectory()
        let program = try directory.write("nix-store", "#!/bin/sh\necho first; echo 'error: syntax' >&2; exit 1\n", mode: 0o755)
        let registration = try directory.write("registration", "x")
        #expect(
            RegisterStorePaths.run(registration: registration, nixStore: program, systemPath: nil)
                == .warning("\(program) --load-db < \(registration): exit code 1: error: syntax; the store paths are not registered"))
    }

    @Test func aRegistrationThatIsNotThereIsAWarning() {
        #expect(
            RegisterStorePaths.run(registration: "/nonexistent", nixStore: "/bin/true", systemPath: nil)
                == .warning(
                    "cannot read the registration regInfo=/nonexistent: No such file or directory (errno 2); no store path is registered"))
    }

    @Test func aProgramThatIsNotThereIsAWarning() throws {
        let directory = try TemporaryDirectory()
        let registration = try directory.write("registration", "x")
        let result = RegisterStorePaths.run(registration: registration, nixStore: "/no/nix-store", systemPath: nil)
        #expect(result.isWarning)
        #expect(result.detail.contains("/no/nix-store --load-db"))
    }
}
