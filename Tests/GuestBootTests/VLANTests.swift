import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct VLANTests {
    @Test(arguments: ["eth1:192.168.1.2/24", "eth10:10.0.0.1/8", "a:0.0.0.0/0", "eth1:255.255.255.255/32"])
    func anInterfacesAddressIsReadAndWritten(text: String) throws {
        let interface = try #require(InterfaceAddress(text))
        #expect("\(interface.name):\(interface.text)" == text)
    }

    @Test(arguments: [
        "", "eth1", "eth1:", "eth1:192.168.1.2", "eth1:192.168.1.2/33", "eth1:192.168.1/24", "eth1:192.168.1.256/24", ":1.2.3.4/8",
        "eth1:1.2.3.4/", "eth1:1.2.3.4/x", "eth1:1..3.4/8", "eth1:1.2.3.4.5/8", "eth1:0001.2.3.4/8", "../x:1.2.3.4/8",
        "an-interface-too-long:1.2.3.4/8", "eth1:1.2.3.4/8:9", "eth1:1.2.3./8",
    ])
    func whatIsNoAddressIsPassedOverWithAWarning(text: String) {
        #expect(InterfaceAddress(text) == nil)
        let plan = BootPlan(KernelCommandLine("vm.interface=\(text)"))
        #expect(!plan.steps.contains { $0.name == "vlans" })
        #expect(plan.warnings.count == 1)
    }

    @Test func cardsGetTheirAddressesBeforeTheDiskIsTouched() throws {
        let plan = BootPlan(
            KernelCommandLine("vm.interface=eth1:192.168.1.2/24 vm.interface=eth2:192.168.2.2/24 vm.hosts vm.name-server=10.0.2.3"))
        let names = plan.steps.map(\.name)
        let vlans = try #require(names.firstIndex(of: "vlans"))
        #expect(names[vlans - 1] == "network")
        #expect(names[vlans + 1] == "format-empty-disk")
        #expect(plan.steps[vlans].arguments == "eth1:192.168.1.2/24 eth2:192.168.2.2/24")
        #expect(names.suffix(3) == ["name-hosts", "name-server", "switch-root"])
        #expect(plan.warnings.isEmpty)
    }

    @Test func theNamesAreWrittenOnceHoweverOftenTheGuestBoots() throws {
        let first = NameHosts.content(old: Array("127.0.0.1\tlocalhost\n".utf8), lines: Array("192.168.1.1\ta\n".utf8))
        let second = NameHosts.content(old: first, lines: Array("192.168.1.1\tb".utf8))
        #expect(
            String(decoding: second, as: UTF8.self) == """
                127.0.0.1\tlocalhost
                # What follows is vm-agent's, and made anew in each boot.
                192.168.1.1\tb
                # End of vm-agent's part.

                """)
        #expect(NameHosts.content(old: second, lines: Array("192.168.1.1\tb".utf8)) == second)
    }

    @Test func theUsersOwnLinesStayOnBothSides() {
        let old =
            "1.1.1.1 mine\n# What follows is vm-agent's, and made anew in each boot.\n2.2.2.2 x\n# End of vm-agent's part.\n3.3.3.3 later"
        let new = String(decoding: NameHosts.content(old: Array(old.utf8), lines: Array("4.4.4.4 y\n".utf8)), as: UTF8.self)
        #expect(new.contains("1.1.1.1 mine\n3.3.3.3 later\n"))
        #expect(!new.contains("2.2.2.2"))
        #expect(new.contains("4.4.4.4 y\n"))
    }

    @Test func withoutAnEndLineNothingOfTheUsersIsLost() {
        let old = "1.1.1.1 mine\n# What follows is vm-agent's, and made anew in each boot.\n2.2.2.2 x\n3.3.3.3 later\n"
        let new = String(decoding: NameHosts.content(old: Array(old.utf8), lines: Array("4.4.4.4 y\n".utf8)), as: UTF8.self)
        #expect(new.hasPrefix("1.1.1.1 mine\n2.2.2.2 x\n3.3.3.3 later\n# What follows"), "\(new)")
    }

    @Test func aFileThatCannotBeReadIsNotReplaced() throws {
        let directory = try TemporaryDirectory()
        let entry = try directory.write("entry", Array("192.168.1.1\ta\n".utf8))
        _ = try directory.write("etc/hosts/file", [])
        #expect(throws: StepFailure.self) { try NameHosts.run(root: directory.path, entry: entry) }
        #expect(Files.exists(directory.path + "/etc/hosts/file"))
    }

    @Test func theNamesOfTheOthersAreAddedBelowTheRoot() throws {
        let directory = try TemporaryDirectory()
        let entry = try directory.write("entry", Array("192.168.1.1\ta\n".utf8))
        #expect(try NameHosts.run(root: directory.path, entry: entry).detail == "/etc/hosts")
        #expect(try Files.readLine(directory.path + "/etc/hosts").hasPrefix("127.0.0.1\tlocalhost\n"))
        #expect(try Files.readLine(directory.path + "/etc/hosts").contains("192.168.1.1\ta"))
    }

    @Test func aHostsFileThatIsALinkStaysTheSystemsOwn() throws {
        let directory = try TemporaryDirectory()
        let entry = try directory.write("entry", Array("192.168.1.1\ta\n".utf8))
        try directory.write("etc/static", Array("theirs".utf8))
        try Tool.run("ln", "-s", "static", directory.path + "/etc/hosts")
        #expect(try NameHosts.run(root: directory.path, entry: entry).detail == "/etc/hosts is a link to static and stays as it is")
        #expect(try Files.readLine(directory.path + "/etc/hosts") == "theirs")
    }

    @Test func withoutTheNamesTheBootGoesOnWithAWarning() throws {
        let directory = try TemporaryDirectory()
        let result = try NameHosts.run(root: directory.path, entry: directory.path + "/none")
        #expect(result.isWarning)
        #expect(result.detail.hasPrefix("vm.hosts: cannot read the names from fw_cfg (opt/vm-agent/hosts): "), "\(result)")
        #expect(!Files.exists(directory.path + "/etc/hosts"))
    }

    /// A class-D address is no interface's, whoever asks for it.
    @Test func anAddressThatAnInterfaceDoesNotTakeIsAnError() throws {
        let interface = try #require(InterfaceAddress("lo:224.0.0.1/32"))
        let failure = try #require(throws: StepFailure.self) { try BringUpVLANs.run([interface]) }
        #expect(failure.text.hasPrefix("cannot give lo the address 224.0.0.1/32: "), "\(failure.text)")
        let plan = BootPlan(KernelCommandLine("vm.name-server=here"))
        #expect(plan.warnings == ["vm.name-server=here: must be an IPv4 address, as 10.0.2.3; passed over"])
    }

    @Test func aRootThatTakesNoFilesIsToldByWhatCouldNotBeWritten() throws {
        let directory = try TemporaryDirectory()
        let entry = try directory.write("entry", Array("192.168.1.1\ta\n".utf8))
        // A file where a directory should be.
        try directory.write("etc", "")
        let hosts = try #require(throws: StepFailure.self) { try NameHosts.run(root: directory.path, entry: entry) }
        #expect(hosts.text.hasPrefix("cannot write /etc/hosts: "), "\(hosts.text)")
        let server = SetNameServer.run(IPv4Address(10, 0, 2, 3), root: directory.path)
        #expect(server.isWarning && server.detail.hasPrefix("cannot write /etc/resolv.conf, so no names are looked up: "), "\(server)")
        let source = try #require(ShareSource("//10.0.2.4/work"))
        let mount = try #require(SharedDirectory("//10.0.2.4/work:/etc/work", isWritable: false))
        let share = try #require(throws: StepFailure.self) { try MountShares.run([mount], root: directory.path) { _ in } }
        #expect(share.text.hasPrefix("cannot make /etc/work to mount //10.0.2.4/work on: "), "\(share.text)")
        let root = try #require(throws: StepFailure.self) {
            try MountSharedRoot.run(source, root: directory.path + "/etc/root", place: directory.path + "/place") { _ in }
        }
        #expect(root.text.hasPrefix("cannot make directories in /run for the root: "), "\(root.text)")
    }

    /// `/proc` is a mount that takes no directories.
    @Test func aSharedRootWhoseLayersCannotBeMadeIsTold() throws {
        let directory = try TemporaryDirectory()
        for name in ["host", "layers"] { try Tool.run("ln", "-s", "/proc", directory.path + "/" + name) }
        let source = try #require(ShareSource("//10.0.2.4/work"))
        let failure = try #require(throws: StepFailure.self) {
            try MountSharedRoot.run(source, root: directory.path + "/root", place: directory.path) { _ in }
        }
        #expect(failure.text.hasPrefix("cannot prepare the layers in \(directory.path)/layers: "), "\(failure.text)")
    }

    @Test func aGuestThatNamesItsNameServerKeepsIt() throws {
        let directory = try TemporaryDirectory()
        #expect(SetNameServer.run(IPv4Address(10, 0, 2, 3), root: directory.path).detail == "10.0.2.3")
        #expect(try Files.readLine(directory.path + "/etc/resolv.conf") == "nameserver 10.0.2.3")
        #expect(SetNameServer.run(IPv4Address(1, 1, 1, 1), root: directory.path).detail == "/etc/resolv.conf stays as it is")
        #expect(try Files.readLine(directory.path + "/etc/resolv.conf") == "nameserver 10.0.2.3")
    }
}
