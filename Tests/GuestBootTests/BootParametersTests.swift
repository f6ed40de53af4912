import HostTools
import Testing

@testable import GuestBoot

@Suite struct BootParametersTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func plan(_ commandLine: String, entry: String) -> BootPlan {
        BootParameters.plan(commandLine: commandLine, entry: entry, isFirst: false)
    }

    @Test func whatComesThroughFirmwareIsReadBehindTheCommandLine() throws {
        let entry = try directory.write(
            "raw", "init=/nix/store/abc-nixos/init regInfo=/registration\nvm.disk=/dev/vdb vm.boot-disk=vm-boot\n")
        let plan = plan("quiet vm.disk=/dev/vdc vm.parameters=fw_cfg", entry: entry)
        #expect(
            plan
                == BootPlan(
                    KernelCommandLine("init=/nix/store/abc-nixos/init regInfo=/registration vm.disk=/dev/vdb vm.boot-disk=vm-boot")))
        #expect(plan.warnings.isEmpty)
        #expect(plan.steps.contains(.mountBootDisk(serial: "vm-boot")))
    }

    @Test func moreWordsThanAKernelTakesAreAllRead() throws {
        let shares = (0..<500).map { "vm.share=name\($0):/directory/\($0)" }
        let entry = try directory.write("raw", shares.joined(separator: "\n") + "\n")
        let step = plan("vm.parameters=fw_cfg", entry: entry).steps.first { $0.name == "mount-host-files" }
        guard case .mountHostFiles(_, let others)? = step else {
            Issue.record("no step mounts the shares")
            return
        }
        #expect(others.count == 500)
        #expect(others.last == MountedShare("name499:/directory/499"))
    }

    @Test func withoutBeingToldToItReadsNothing() throws {
        let entry = try directory.write("raw", "vm.disk=/dev/vdb")
        #expect(plan("quiet", entry: entry) == BootPlan(KernelCommandLine("")))
        let other = plan("vm.parameters=cmos", entry: entry)
        #expect(other.steps == BootPlan(KernelCommandLine("")).steps)
        #expect(other.warnings == ["vm.parameters=cmos: must be fw_cfg; passed over"])
    }

    @Test func parametersThatCannotBeReadAreSaid() {
        let plan = plan("vm.parameters=fw_cfg vm.root=tmpfs", entry: "/no/such/entry")
        #expect(plan.steps.contains(.mountMemoryRoot))
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings.first?.contains("opt/vm-agent/parameters): No such file or directory") == true, "\(plan.warnings)")
    }

    @Test func aDiskThatIsNotThereLeavesBootEmptyWithAWarning() {
        let result = MountBootDisk.run(serial: "no-such-disk", root: "/no/such/root")
        #expect(result.isWarning)
        #expect(result.detail == "vm.boot-disk=no-such-disk: no disk has this serial number; /boot is empty")
    }
}
