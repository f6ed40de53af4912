internal import VirtualMachine

extension NetworkDescription {
    /// The arguments of `vm` that run the VM at `index`. Pure.
    ///
    /// - Parameters:
    ///   - directory: where its socket is to be.
    ///   - hostsFile: a file with the lines that `hosts(for:)` gives.
    public func runArguments(for index: Int, directory: String, hostsFile: String) -> [String] {
        let vm = vms[index]
        var arguments = ["run", "--name", vm.name, "--directory", directory, "--until-input-ends"]
        func add(_ option: String, _ value: String?) { if let value { arguments += [option, value] } }
        func add(_ option: String, when isGiven: Bool) { if isGiven { arguments.append(option) } }

        add("--kernel", vm.kernel)
        add("--initrd", vm.initrd)
        add("--modules", vm.modules)
        add("--boot-loader", when: vm.hasBootLoader)
        add("--efi", when: vm.hasEFI)
        add("--tpm", when: vm.hasTPM)
        add("--memory", vm.memorySize.map { "\($0)" })
        add("--cores", vm.cores.map { "\($0)" })
        add("--disk", vm.diskImage)
        add("--disk-size", vm.diskSize.map { "\($0)M" })
        for size in vm.emptyDiskImages { add("--empty-disk", "\(size)M") }
        add("--ephemeral", when: vm.isEphemeral)
        add("--graphics", when: vm.graphics)
        add("--root", vm.root)
        add("--share", vm.share)
        for mount in vm.mounts { add("--mount", mount) }
        add("--store", vm.store)
        add("--system", vm.system)
        add("--writable-store", when: vm.writableStore && vm.isWritableStoreInMemory)
        add("--writable-store-on", vm.writableStore && !vm.isWritableStoreInMemory ? "disk" : nil)
        for path in vm.pathsInNixDB { add("--register", path) }
        for forward in vm.forwards { add("--forward", forward) }
        add("--network", vm.restrictNetwork.map { $0 ? "restricted" : "full" })
        for words in vm.kernelParameters { add("--append", words) }
        // Each is one word for QEMU.
        for option in vm.qemuOptions { add("--qemu-opts", ShellWords.quoted([option])) }
        add("--accel", vm.accelerator)
        for vlan in vm.vlans { add("--vlan", "\(vlan)") }
        arguments += ["--number", "\(index + 1)", "--hosts", hostsFile]
        return arguments
    }
}
