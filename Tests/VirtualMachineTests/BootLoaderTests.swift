import Foundation
import HostTools
import Testing

@testable import VirtualMachine

@Suite struct BootLoaderTests {
    // MARK: Words

    @Test func whatIsOfOneRunGoesToTheAgentAndTheRestToTheKernel() {
        let words = BootWords(
            [
                "hostname=a", "console=ttyS0", "quiet", "init=/s/init", "vm.root=tmpfs  foo", "regInfo=/r",
                #"dyndbg="file a.c +p" vm.hosts"#,
            ],
            initIsKernels: false)
        #expect(words.loader == ["console=ttyS0", "quiet", "foo", #"dyndbg="file a.c +p""#, "vm.parameters=fw_cfg"])
        #expect(words.agent == ["hostname=a", "init=/s/init", "vm.root=tmpfs", "regInfo=/r", "vm.hosts"])
    }

    @Test func anotherInitrdFindsItsInitOnTheCommandLine() {
        let words = BootWords(["init=/s/init", "hostname=a", "rdinit=/x"], initIsKernels: true)
        #expect(words.loader == ["init=/s/init", "rdinit=/x", "vm.parameters=fw_cfg"])
        #expect(words.agent == ["hostname=a"])
    }

    @Test(arguments: [
        ("a b\tc\n", ["a", "b", "c"]), (#"a="b c" d"#, [#"a="b c""#, "d"]), (#""a=b c" d"#, [#""a=b c""#, "d"]), ("", []), (" \n", []),
        (#"a=" b"#, [#"a=" b"#]), ("à=é", ["à=é"]),
    ]) func wordsEndWhereTheyEndForTheKernel(_ text: String, _ words: [String]) {
        #expect(BootWords.split(text) == words)
    }

    // MARK: GRUB

    @Test func eachWordReachesTheKernelAsItWasGiven() throws {
        let text = try GrubConfiguration.text(["quiet", #"dyndbg="file a.c +p""#, #""a=b c""#, "x=$y;z"], .efi)
        #expect(text.contains("linux /vmlinuz 'quiet' 'dyndbg=file a.c +p' 'a=b c' 'x=$y;z';"), "\(text)")
        #expect(!text.contains("serial"))
        #expect(try GrubConfiguration.text([], .bios).contains("terminal_output serial"))
    }

    @Test(arguments: ["it's", #"a\b"#, #"a"b"#, "a=b\"c\"d"]) func aWordThatGrubWouldChangeIsRefused(_ word: String) {
        #expect(throws: BootLoaderError.cannotPass(word: word)) { try GrubConfiguration.text([word], .bios) }
    }

    @Test(arguments: [(BootFirmware.bios, "grub-pc-bin"), (.efi, "grub-efi-amd64-bin")])
    func withoutGrubTheErrorNamesTheDebianPackage(_ firmware: BootFirmware, _ package: String) throws {
        #expect(try GrubLocation(firmware).modules == "/usr/lib/grub/\(firmware.grubTarget)")
        let directory = try TemporaryDirectory()
        #expect { _ = try GrubLocation(firmware, searchPath: "\(directory.path)/bin") } throws: {
            "\($0)".contains("\(directory.path)/lib/grub/\(firmware.grubTarget)")
                && "\($0)".contains("install the Debian package \(package)")
        }
        // Another prefix is searched, too, and a program that is missing there is named.
        try directory.write("lib/grub/\(firmware.grubTarget)/kernel.img", "")
        #expect { _ = try GrubLocation(firmware, searchPath: "\(directory.path)/bin") } throws: {
            "\($0)".contains("grub-mkimage") && "\($0)".contains("install the Debian package grub-common")
        }
    }

    // MARK: Parts

    @Test(arguments: [BootFirmware.bios, .efi]) func thePartsOfABootDiskAreMadeWithoutRights(_ firmware: BootFirmware) async throws {
        let directory = try TemporaryDirectory()
        let kernel = try directory.write("kernel", String(repeating: "k", count: 3 << 20))
        let initrd = try directory.write("initrd", "i")
        let parts = try BootDiskParts(kernel: kernel, initrd: initrd, words: ["quiet"], firmware: firmware)
        #expect(try parts.diskSize() == 28 << 20)
        let command = try await parts.write(to: directory.path)
        #expect(command.prefix(2) == ["/bin/sh", "-euc"])
        #expect(command.dropFirst(3).prefix(5) == ["boot-disk", "vm-boot", kernel, initrd, directory.path])
        #expect(command.count == 9)
        switch firmware {
        case .bios:
            #expect(command.last?.hasSuffix("bios-setup") == true)
            let boot = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/boot.img"))
            #expect(boot.count == 512 && boot.suffix(2) == Data([0x55, 0xAA]))
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/core.img")).count > 20_000)
        case .efi:
            #expect(command.last == "")
            let listing = try Tool.run("mdir", "-b", "-/", "-i", "\(directory.path)/system-partition", "::")
            #expect(listing.lines.contains("::/EFI/BOOT/BOOTX64.EFI"), "\(listing.text)")
        }
    }

    @Test func anotherWordMakesAnotherDisk() throws {
        let directory = try TemporaryDirectory()
        let kernel = try directory.write("kernel", "k")
        let first = try BootDiskParts(kernel: kernel, initrd: kernel, words: ["quiet"], firmware: .bios).dependencies
        let second = try BootDiskParts(kernel: kernel, initrd: kernel, words: ["quiet", "debug"], firmware: .bios).dependencies
        #expect(first.text != second.text)
        #expect(first.files == second.files)
        for file in first.files { #expect(FileManager.default.fileExists(atPath: file)) }
    }

    // MARK: Firmware

    @Test func ovmfIsFoundWithItsVariables() throws {
        let firmware = try MachineDescription.EFIFirmware.locate()
        // Each is a firmware volume: its signature is 40 bytes from its beginning (UEFI Platform Initialization, volume 3).
        for file in [firmware.code, firmware.variables] {
            #expect(try Data(contentsOf: URL(fileURLWithPath: file))[40..<44] == Data("_FVH".utf8), "\(file)")
        }
        #expect { _ = try MachineDescription.EFIFirmware.locate(searchPath: "/x", places: [.init(code: "/y", variables: "/z")]) } throws: {
            "\($0)".contains("looked for /y") && "\($0)".contains("the Debian package ovmf")
        }
    }

    @Test func theBootDiskComesLastAndTakesThePlaceOfTheKernel() {
        var machine = MachineDescription(
            name: "a", kernel: "/k", initrd: "/i", kernelParameters: ["quiet"], disk: .init(path: "/root", format: .qcow2),
            extraDisks: [.init(path: "/extra", format: .raw)], runtimeDirectory: "/r")
        machine.bootDisk = .init(path: "/boot,1", format: .raw, serial: "vm-boot")
        machine.efi = .init(code: "/code", variables: "/vars,1")
        machine.tpmSocket = "/tpm,1"
        let arguments = machine.qemuArguments
        for option in ["-kernel", "-initrd", "-append"] { #expect(!arguments.contains(option)) }
        let devices = arguments.filter { $0.hasPrefix("virtio-blk-pci") }
        #expect(
            devices == [
                "virtio-blk-pci,drive=root", "virtio-blk-pci,drive=disk1", "virtio-blk-pci,drive=boot,serial=vm-boot,bootindex=0",
            ])
        #expect(arguments.contains("file=/boot,,1,format=raw,if=none,id=boot,snapshot=on"))
        #expect(arguments.contains("if=pflash,unit=0,format=raw,readonly=on,file=/code"))
        #expect(arguments.contains("if=pflash,unit=1,format=raw,file=/vars,,1"))
        #expect(arguments.contains("socket,id=tpm,path=/tpm,,1"))
        #expect(arguments.contains("tpm-tis,tpmdev=tpm"))
    }
}
