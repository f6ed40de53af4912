import Testing

@testable import VirtualMachine

@Suite struct AcceleratorTests {
    @Test func autoTakesTheTranslatorAndSaysWhy() throws {
        let decision = try AcceleratorChoice.auto.decide(obstacle: "no vmx")
        #expect(decision.accelerator == .tcg)
        #expect(decision.note?.contains("no vmx") == true)
        #expect(try AcceleratorChoice.auto.decide(obstacle: nil) == AcceleratorDecision(accelerator: .kvm))
    }

    @Test func kvmIsNeverReplacedSilently() {
        let error = #expect(throws: MachineError.noKVM(reason: "no vmx")) { try AcceleratorChoice.kvm.decide(obstacle: "no vmx") }
        #expect(error?.description == "cannot use KVM: no vmx; use --accel tcg (or --accel auto)")
    }

    @Test(arguments: [
        ("processor : 0\nflags\t\t: fpu vmx sse\n", true), ("flags : svm\n", true), ("flags : fpu vmxoff\n", false), ("", false),
        ("vmx flags : vmx\nflags : fpu\n", false),
    ])
    func onlyTheProcessorsOwnFlagCounts(cpuinfo: String, has: Bool) {
        #expect(KVMProbe.hasVirtualization(cpuinfo: cpuinfo) == has)
    }

    @Test func aProcessorNeedsNoneOfWhatSparesTheTranslatorWork() {
        #expect(Accelerator.kvm.kernelParameters(cores: 1) == [])
        #expect(Accelerator.tcg.kernelParameters(cores: 1) == ["init_on_alloc=0", "noapictimer", "noreplace-smp"])
        // Several processors need their own timers.
        #expect(Accelerator.tcg.kernelParameters(cores: 2) == ["init_on_alloc=0"])
    }

    // Whatever this machine has, the probe ends and either names an obstacle or proves that KVM works.
    @Test func theProbeEndsOnEveryMachine() throws {
        let decision = try AcceleratorChoice.auto.resolve()
        #expect((decision.accelerator == .kvm) == (decision.note == nil))
    }
}
