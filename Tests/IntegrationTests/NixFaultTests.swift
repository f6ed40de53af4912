import ControlProtocol
import Foundation
import Testing

/// What can be wrong with a registration or the guest's Nix database: the boot goes on in every case, and says what was not done.
/// That a missing one is said is among `RegistrationTests`.
@Suite(.tellsStory) struct NixFaultTests {
    private func expectEnd(
        _ state: StepState, saying words: [String], smbd script: String = "", disk: String? = nil, in directory: VMDirectory? = nil
    ) async throws {
        let server = try FakeServer(script)
        let options = ["--system", Checkout.system] + (disk.map { ["--disk", $0] } ?? [])
        try await withMachine(options, in: directory, environment: server.environment) { machine in
            // The ten minutes of nix-store, and the boot around them.
            let status = try await machine.waitUntilReady(within: .seconds(Soak.isWanted ? 720 : 180))
            let step = try #require(status.steps.first { $0.name == "register-store-paths" })
            #expect(step.state == state, "\(step)")
            for word in words { #expect(step.detail.contains(word), "\(step.detail)") }
            #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("\(Checkout.system)/init"))
        }
    }

    @Test func anEmptyRegistrationRegistersNothing() async throws {
        try await expectEnd(.succeeded, saying: ["/hostfs/registration"], smbd: ": > \"$files/hostfs/registration\"")
    }

    @Test func aRegistrationThatIsCutOffIsAWarning() async throws {
        try await expectEnd(
            .warned, saying: ["nix-store --load-db", "the store paths are not registered"],
            smbd: "if ! test -e \"$files/cut\"; then : > \"$files/cut\"; truncate -s 150 \"$files/hostfs/registration\"; fi")
    }

    @Test func aRegistrationOf100MBOfNonsenseIsAWarning() async throws {
        try await expectEnd(
            .warned, saying: ["nix-store --load-db", "the store paths are not registered"],
            smbd: "test -e \"$files/made\" || { : > \"$files/made\"; yes nonsense | head -c 100M > \"$files/hostfs/registration\"; }")
    }

    /// 100 MB of valid entries take longer than ten minutes, or more memory than there is: the boot does not wait for ever.
    @Test(.enabled(if: Soak.isWanted)) func aRegistrationOf100MBEndsWithinTenMinutes() async throws {
        let entries = "awk 'BEGIN { for (i = 0; i < 700000; i++) printf \"/nix/store/%032d-path\\n%064d\\n1\\n\\n0\\n\", i, i }'"
        try await expectEnd(
            .warned, saying: ["nix-store --load-db"],
            smbd: "test -e \"$files/made\" || { : > \"$files/made\"; \(entries) > \"$files/hostfs/registration\"; }")
    }

    @Test(arguments: ["corrupt", "read-only"]) func aDatabaseThatCannotBeWrittenIsAWarning(_ fault: String) async throws {
        let directory = try VMDirectory()
        let immutable = "debugfs -w -R 'set_inode_field /nix/var/nix/db flags 0x80010' root.img > /dev/null 2>&1"
        let make = """
            mkdir -p root/nix/var/nix/db; yes garbage | head -c 65536 > root/nix/var/nix/db/db.sqlite
            \(fault == "corrupt" ? ":" : "rm root/nix/var/nix/db/db.sqlite")
            truncate -s 256M root.img; mkfs.ext4 -q -d root root.img; rm -r root
            \(fault == "corrupt" ? ":" : immutable)
            """
        try await directory.script(make)
        try await expectEnd(
            .warned, saying: ["nix-store --load-db", "the store paths are not registered"], disk: directory.file("root.img"), in: directory)
        await directory.expectNothingLeft()
    }
}
