import Testing

@testable import GuestBoot

@Suite struct ClockSourceTests {
    private func choice(_ release: String, wanted: String? = nil, current: String = "kvm-clock", hpet: Bool = true) -> String? {
        SetClockSource.choice(
            wanted: wanted, current: current, available: ["kvm-clock", "tsc", "acpi_pm"] + (hpet ? ["hpet"] : []), release: release)
    }

    @Test(arguments: ["2.6.37", "2.6.32-5-amd64", "2.6.37.6", "2.6.9", "2.4.37", "2.6", "2.6.37-rc38", "1.0.0"])
    func theWorkaroundOf2010AppliesToTheKernelsThatDrift(_ release: String) {
        #expect(choice(release) == "hpet")
    }

    @Test(arguments: ["2.6.38", "2.6.38-8-generic", "2.6.39.4", "2.7", "3.0.0", "3.0", "6.1.0-56-cloud-amd64", "10.0.1", "2.10.1"])
    func aKernelThatDoesNotDriftKeepsItsClock(_ release: String) {
        #expect(choice(release) == nil)
    }

    @Test func onlyKvmClockDriftsAndOnlyWhatIsThereCanReplaceIt() {
        #expect(choice("2.6.32", current: "tsc") == nil)
        #expect(choice("2.6.32", hpet: false) == nil)
    }

    @Test func aClockSourceThatIsAskedForIsTakenOnAnyKernel() {
        #expect(choice("6.1.0", wanted: "tsc") == "tsc")
        #expect(choice("2.6.32", wanted: "acpi_pm") == "acpi_pm")
        // The kernel refuses one that it does not have; the step then says so.
        #expect(choice("6.1.0", wanted: "sundial") == "sundial")
        #expect(choice("2.6.32", wanted: "kvm-clock") == nil)
    }
}
