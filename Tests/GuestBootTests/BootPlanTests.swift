import Testing

@testable import GuestBoot

@Suite struct BootPlanTests {
    private func plan(_ commandLine: String) -> BootPlan { BootPlan(KernelCommandLine(commandLine)) }

    private func names(_ commandLine: String) -> [String] { plan(commandLine).steps.map(\.name) }

    @Test func withoutParametersTheAgentBootsOnTheHostsFilesAndStays() {
        let plan = plan("")
        #expect(
            plan.steps == [
                .installTools, .loadModules, .setClockSource(wanted: nil), .bringUpNetwork(interface: "eth0"),
                .formatEmptyDisk(device: "/dev/vda", filesystem: .ext4), .mountRoot(device: "/dev/vda"),
                .mountHostFiles(share: "//10.0.2.4/qemu", others: []), .bindStore, .makeBootDirectory, .switchRoot,
            ])
        #expect(plan.failureAction == .shell)
        #expect(plan.initPath == nil)
        #expect(plan.systemPath == nil)
        #expect(plan.warnings.isEmpty)
    }

    @Test func withEverythingTheStepsKeepTheOrderOf2010() {
        let plan = plan(
            "quiet console=ttyS0 init=/nix/store/abc-nixos/init regInfo=/nix/store/def-closure/registration vm.writable-store "
                + "vm.disk=/dev/vdb vm.mkfs=ext3 vm.hostfs=//10.0.2.4/other vm.share=store:/nix/store vm.share=x:/y "
                + "vm.nix-store=/bin/nix-store vm.clocksource=acpi_pm vm.on-failure=poweroff")
        #expect(
            plan.steps == [
                .installTools, .loadModules, .setClockSource(wanted: "acpi_pm"), .bringUpNetwork(interface: "eth0"),
                .formatEmptyDisk(device: "/dev/vdb", filesystem: .ext3), .mountRoot(device: "/dev/vdb"),
                .mountHostFiles(
                    share: "//10.0.2.4/other", others: [MountedShare("store:/nix/store"), MountedShare("x:/y")].compactMap { $0 }),
                .bindStore, .overlayStore(onDisk: false), .makeBootDirectory, .switchRoot,
                .registerStorePaths(registration: "/nix/store/def-closure/registration", nixStore: "/bin/nix-store"),
                .enterInit(path: "/nix/store/abc-nixos/init"),
            ])
        #expect(plan.failureAction == .powerOff)
        #expect(plan.systemPath == "/nix/store/abc-nixos")
        #expect(plan.warnings.isEmpty)
    }

    @Test func theNetworkComesBeforeTheDiskSoThatAFailedBootCanBeEntered() throws {
        let names = names("init=/init regInfo=/r vm.writable-store")
        let network = try #require(names.firstIndex(of: "network"))
        #expect(network < (try #require(names.firstIndex(of: "format-empty-disk"))))
        // Tools before modules, which bring the first link: a session needs a shell. No network and no disk without drivers.
        #expect(names.prefix(2) == ["install-tools", "load-modules"])
        #expect(names.last == "enter-init")
    }

    @Test func theRegistrationIsLoadedByTheGuestsOwnNixSoAfterTheSwitchAndBeforeInit() throws {
        let names = names("init=/init regInfo=/r")
        #expect(names.suffix(3) == ["switch-root", "register-store-paths", "enter-init"])
    }

    @Test func withoutHostFilesThereIsNoStoreToBindOrToWriteTo() {
        let plan = plan("vm.hostfs=none vm.writable-store vm.share=a:/a")
        #expect(
            plan.steps.map(\.name) == [
                "install-tools", "load-modules", "clock-source", "network", "format-empty-disk", "mount-root", "boot-directory",
                "switch-root",
            ])
        #expect(
            plan.warnings.sorted() == [
                "vm.share: there is no server of shares with vm.hostfs=none; passed over",
                "vm.writable-store: there is no store to write to with vm.hostfs=none; passed over",
            ])
        #expect(self.plan("vm.hostfs=none").warnings.isEmpty)
        #expect(self.plan("vm.hostfs=none vm.writable-store=0").warnings.isEmpty)
    }

    @Test(arguments: ["vm.writable-store", "vm.writable-store=1", "vm.writable-store=yes", "vm.writable_store=true"])
    func theOverlayLiesOnTheBoundStore(_ word: String) throws {
        let names = names(word)
        #expect(try #require(names.firstIndex(of: "bind-store")) + 1 == names.firstIndex(of: "overlay-store"))
        #expect(!self.names("\(word) vm.writable-store=0").contains("overlay-store"))
    }

    @Test func theStoresLayerIsOnTheDiskOnlyWhereThatIsSaid() {
        func layer(_ words: String) -> BootStep? { plan(words).steps.first { $0.name == "overlay-store" } }
        #expect(layer("vm.writable-store=disk") == .overlayStore(onDisk: true))
        #expect(layer("vm.writable-store=tmpfs") == .overlayStore(onDisk: false))
        #expect(plan("vm.writable-store=disk").warnings.isEmpty)
        let warning = "vm.writable-store=ram: must be tmpfs, disk, 1, yes, true, 0, no or false; taking no"
        #expect(plan("vm.writable-store=ram").warnings == [warning])
    }

    @Test func shellsAreOnTheConsolesThatAreNamed() {
        #expect(plan("").consoleShells == [])
        #expect(plan("vm.console-shell=tty1,ttyS0").consoleShells == ["tty1", "ttyS0"])
    }

    @Test(
        arguments: zip(
            ["shell", "poweroff", "reboot", "panic"], [BootPlan.FailureAction.shell, .powerOff, .reboot, .panic]))
    func everyFailureActionIsKnownByItsWord(_ word: String, _ action: BootPlan.FailureAction) {
        #expect(plan("vm.on-failure=\(word)").failureAction == action)
    }

    @Test(arguments: ["ext2", "ext3", "ext4"]) func everyFilesystemIsKnownByItsName(_ name: String) throws {
        let filesystem = try #require(DiskFilesystem(rawValue: name))
        #expect(plan("vm.mkfs=\(name)").steps.contains(.formatEmptyDisk(device: "/dev/vda", filesystem: filesystem)))
    }

    @Test(
        arguments: [
            ("vm.on-failure=explode", "shell, poweroff, reboot or panic"), ("vm.on-failure=", "shell, poweroff, reboot or panic"),
            ("vm.mkfs=btrfs", "ext4, ext3 or ext2"), ("vm.mkfs=", "ext4, ext3 or ext2"),
            ("vm.share=store", "must be NAME:/DIRECTORY; passed over"),
            ("vm.share=a:b", "must be NAME:/DIRECTORY; passed over"), ("vm.writable-store=maybe", "1, yes, true, 0, no or false"),
        ]) func aValueThatIsNotUnderstoodIsSaidAndTheDefaultTaken(_ word: String, _ choices: String)
    {
        let plan = plan(word)
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings.first?.hasPrefix("\(word):") == true)
        #expect(plan.warnings.first?.contains(choices) == true)
        #expect(plan.steps == self.plan("").steps)
        #expect(plan.failureAction == .shell)
    }

    @Test(arguments: ["vm.writeable-store", "vm.mkfs.type=ext4", "vm.", "vm.Disk=/dev/vdb"])
    func aParameterOfOursThatDoesNotExistIsSaid(_ word: String) {
        let warnings = plan("quiet \(word) root=/dev/sda").warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("\(word.prefix { $0 != "=" }): there is no such parameter") == true)
    }

    @Test(arguments: ["quiet", "vmalloc=512M", "console=ttyS0", "systemd.unit=rescue.target", "8250.nr_uarts=4", "regInfo=", "init"])
    func whatIsNotOursIsNotRemarkedUpon(_ word: String) {
        #expect(plan(word).warnings.isEmpty)
        #expect(plan(word).steps == plan("").steps)
    }

    @Test(
        arguments: [("/init", nil), ("/a/init", "/a"), ("/nix/store/x/init", "/nix/store/x"), ("init", nil), ("a/init", "a")]
            as [(String, String?)])
    func theSystemIsTheDirectoryThatInitIsIn(_ path: String, _ system: String?) {
        #expect(plan("init=\(path)").systemPath == system)
    }

    @Test func everyStepHasANameOfItsOwn() {
        let names = names("init=/init regInfo=/r vm.writable-store")
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (97...122).contains($0) } })
    }

    @Test func thePlanForPeopleHasALineAStepAndThenTheWarnings() {
        let text = plan("init=/s/init regInfo=/r vm.nix-store=/n vm.share=a:/b vm.mkfs=ext2 vm.on-failure=x vm.writable-store").text
        #expect(
            text == """
                1\tinstall-tools\t
                2\tload-modules\t
                3\tclock-source\tauto
                4\tnetwork\teth0
                5\tformat-empty-disk\t/dev/vda ext2
                6\tmount-root\t/dev/vda
                7\tmount-host-files\t//10.0.2.4/qemu a:/b
                8\tbind-store\t
                9\toverlay-store\t
                10\tboot-directory\t
                11\tswitch-root\t
                12\tregister-store-paths\t/r with /n
                13\tenter-init\t/s/init
                warning: vm.on-failure=x: must be shell, poweroff, reboot or panic; taking shell

                """)
        #expect(plan("vm.clocksource=hpet vm.hostfs=none regInfo=/r").text.contains("clock-source\thpet\n"))
    }

    @Test func equalCommandLinesGiveEqualPlans() {
        let line = "init=/init vm.share=a:/b regInfo=/r"
        #expect(plan(line) == plan(line))
        #expect(plan(line) != plan(line + " vm.writable-store"))
    }
}
