import Testing

@testable import VirtualNetwork

@Suite struct NetworkDescriptionTests {
    private var network: NetworkDescription {
        var (client, router, server, alone) = (
            VMDescription(name: "client"), VMDescription(name: "router"), VMDescription(name: "server"), VMDescription(name: "alone")
        )
        client.vlans = [1]
        router.vlans = [1, 2]
        server.vlans = [2]
        alone.vlans = []
        return NetworkDescription(vms: [client, router, server, alone])
    }

    @Test func theVMWithThePlaceMHasTheAddressMOnEachNetwork() {
        #expect(network.hosts(for: 0) == "192.168.1.1\tclient\n192.168.1.2\trouter\n192.168.2.3\tserver\n")
    }

    @Test func aVMIsNamedWithItsAddressOnANetworkInCommon() {
        #expect(network.hosts(for: 2) == "192.168.1.1\tclient\n192.168.2.2\trouter\n192.168.2.3\tserver\n")
        // Without one, with its first, as in 2010.
        #expect(network.hosts(for: 3) == "192.168.1.1\tclient\n192.168.1.2\trouter\n192.168.2.3\tserver\n")
    }

    @Test func aVMWithNothingButANameIsRunWithTheDefaults() {
        let arguments = NetworkDescription(vms: [VMDescription(name: "a")]).runArguments(for: 0, directory: "/d", hostsFile: "/h")
        #expect(
            arguments == [
                "run", "--name", "a", "--directory", "/d", "--until-input-ends", "--vlan", "1", "--number", "1", "--hosts", "/h",
            ])
    }

    @Test func everythingThatIsSaidOfAVMReachesItsRun() {
        var vm = VMDescription(name: "a")
        (vm.kernel, vm.initrd, vm.modules, vm.memorySize, vm.cores) = ("/k", "/i", "/m", 1024, 2)
        (vm.hasBootLoader, vm.hasEFI, vm.hasTPM) = (true, true, true)
        (vm.diskImage, vm.diskSize, vm.emptyDiskImages, vm.graphics) = ("./a.raw", 2048, [10, 20], true)
        (vm.root, vm.share, vm.mounts) = ("disk", "cifs", ["/a:/b", "/c:/d:rw"])
        (vm.store, vm.system, vm.writableStore, vm.pathsInNixDB) = ("/store", "/nix/store/s", true, ["/nix/store/p", "/r"])
        (vm.forwards, vm.restrictNetwork) = (["tcp:127.0.0.1:80:80"], false)
        vm.isWritableStoreInMemory = false
        (vm.kernelParameters, vm.qemuOptions, vm.accelerator, vm.vlans) = (["a", "b"], ["-vga", "it's"], "tcg", [])
        let arguments = NetworkDescription(vms: [VMDescription(name: "first"), vm]).runArguments(for: 1, directory: "/d", hostsFile: "/h")
        #expect(
            arguments == [
                "run", "--name", "a", "--directory", "/d", "--until-input-ends", "--kernel", "/k", "--initrd", "/i", "--modules", "/m",
                "--boot-loader", "--efi", "--tpm", "--memory", "1024", "--cores", "2", "--disk", "./a.raw", "--disk-size", "2048M",
                "--empty-disk", "10M", "--empty-disk",
                "20M",
                "--graphics", "--root", "disk", "--share", "cifs", "--mount", "/a:/b", "--mount", "/c:/d:rw", "--store", "/store",
                "--system", "/nix/store/s", "--writable-store-on", "disk", "--register", "/nix/store/p",
                "--register", "/r", "--forward", "tcp:127.0.0.1:80:80", "--network", "full", "--append", "a", "--append", "b",
                "--qemu-opts", "-vga", "--qemu-opts", #"'it'\''s'"#, "--accel", "tcg", "--number", "2", "--hosts", "/h",
            ])
    }
}
