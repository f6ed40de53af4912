import ControlProtocol
import Foundation
import Testing

/// A registration that cannot be loaded never stops a boot, and is told where a person looks. That a good one is loaded is
/// among the tests of `DemoSystemTests`.
@Suite(.tellsStory) struct RegistrationTests {
    @Test func aSyntaxErrorInTheRegistrationIsAWarning() async throws {
        let folder = try TemporaryFolder()
        let registration = try folder.write("registration", "this is no registration\n")
        try await expectWarning(
            ["--register", registration, "--system", Checkout.system], saying: ["nix-store", "the store paths are not registered"])
    }

    @Test func aMissingRegistrationFileIsAWarning() async throws {
        try await expectWarning(
            ["--system", Checkout.system, "--append", "regInfo=/nowhere/registration"],
            saying: ["cannot read the registration regInfo=/nowhere/registration", "No such file"])
    }

    private func expectWarning(_ options: [String], saying words: [String]) async throws {
        try await withMachine(options) { machine in
            let status = try await machine.waitUntilReady()
            let step = try #require(status.steps.first { $0.name == "register-store-paths" })
            #expect(step.state == .warned)
            let warning = try #require(status.warnings.first)
            let listing = try await machine.directory.vm(["ps"]).run().text
            let console = machine.launcher.errors.split(separator: "\n").filter { $0.hasPrefix("\(machine.name)| ") }
                .joined(separator: "\n")
            for word in words {
                #expect(warning.contains(word))
                #expect(listing.contains(word), "vm ps says nothing of it")
                #expect(console.contains(word), "the console says nothing of it")
            }
            // The system's init has been entered all the same.
            #expect(try await machine.output(of: "tr '\\0' ' ' < /proc/1/cmdline").contains("\(Checkout.system)/init"))
        }
    }
}
