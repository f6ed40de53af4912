import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct ModuleTreeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var tree: String { "\(directory.path)/lib/modules/6.1.0-test" }

    private func write(_ name: String, _ module: ModuleObject) throws {
        try directory.write("lib/modules/6.1.0-test/kernel/\(name)", module.bytes())
    }

    private func order(_ names: String...) throws(ModuleError) -> [String] {
        try ModuleTree.locate(directory.path).loadOrder(of: names).map(\.moduleName)
    }

    @Test func whatAModuleNamesComesBeforeIt() throws {
        try write("a.ko", ModuleObject(depends: ["b", "c"]))
        try write("b.ko", ModuleObject(depends: ["d"]))
        try write("deep/down/c-c.ko", ModuleObject())
        try write("c.ko", ModuleObject(depends: ["c_c", "d"]))
        try write("d.ko", ModuleObject())
        #expect(try order("a") == ["d", "b", "c_c", "c", "a"])
        #expect(try order("c", "a", "c") == ["c_c", "d", "c", "b", "a"])
        #expect(try order() == [])
    }

    @Test func aWishIsGrantedWhereItCanBe() throws {
        try write("a.ko", ModuleObject(softdep: ["pre: b no-such post: c", "pre: d", "e"]))
        for name in ["b", "c", "d", "e"] { try write("\(name).ko", ModuleObject()) }
        #expect(try order("a") == ["b", "d", "a"])
    }

    @Test func aWishThatLeadsBackIsNoCircle() throws {
        try write("a.ko", ModuleObject(softdep: ["pre: b"]))
        try write("b.ko", ModuleObject(depends: ["a"]))
        #expect(try order("b") == ["a", "b"])
        #expect(try order("a") == ["a"])
        // Nor one that needs what is not there.
        try write("c.ko", ModuleObject(softdep: ["pre: d"]))
        try write("d.ko", ModuleObject(depends: ["gone"]))
        #expect(try order("c") == ["c"])
    }

    @Test func modulesThatNeedEachOtherAreAnErrorThatShowsTheCircle() throws {
        try write("a.ko", ModuleObject(depends: ["b"]))
        try write("b.ko", ModuleObject(depends: ["c"]))
        try write("c.ko", ModuleObject(depends: ["b"]))
        let error = #expect(throws: ModuleError.cycle(["a", "b", "c", "b"])) { try order("a") }
        #expect(error?.description.hasPrefix("the modules a -> b -> c -> b need each other in a circle; ") == true)
    }

    @Test func aModuleThatIsNowhereIsAnErrorThatSaysWhoNeedsIt() throws {
        try write("a.ko", ModuleObject(depends: ["gone"]))
        #expect(throws: ModuleError.notFound(name: "gone", neededBy: "a", directory: tree, hasBuiltinList: false)) { try order("a") }
        #expect(throws: ModuleError.notFound(name: "zz_top", neededBy: nil, directory: tree, hasBuiltinList: false)) { try order("zz-top") }
        try directory.write("lib/modules/6.1.0-test/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
        #expect(throws: ModuleError.notFound(name: "gone", neededBy: "a", directory: tree, hasBuiltinList: true)) { try order("a") }
        let error = try #require(throws: ModuleError.self) { try order("a") }
        #expect("\(error)".hasPrefix("there is no module gone, which a needs, in \(tree)"))
    }

    @Test func whatIsBuiltInNeedsNoFile() throws {
        try write("a.ko", ModuleObject(depends: ["crc_x"]))
        try directory.write("lib/modules/6.1.0-test/modules.builtin", "kernel/lib/crc-x.ko\nkernel/fs/ext4/ext4.ko\n")
        #expect(try order("a", "ext4") == ["a"])
    }

    @Test func modulesDepIsBelievedBeforeTheFiles() throws {
        try write("a.ko", ModuleObject(depends: ["c"]))
        try write("b.ko", ModuleObject())
        try write("c.ko", ModuleObject())
        try directory.write(
            "lib/modules/6.1.0-test/modules.dep", "kernel/a.ko: kernel/b.ko\nkernel/b.ko:\nnonsense\nkernel/readme.txt:\n")
        #expect(try order("a") == ["b", "a"])
        // Empty, as some packages have it before depmod ran: then the files are read.
        try directory.write("lib/modules/6.1.0-test/modules.dep", "")
        #expect(try order("a") == ["c", "a"])
    }

    @Test func modulesSoftdepAndAliasAreObeyed() throws {
        for name in ["a", "crc_fast", "crc_slow"] { try write("\(name).ko", ModuleObject()) }
        try directory.write("lib/modules/6.1.0-test/modules.softdep", "# comment\nsoftdep a pre: crc post: x\n")
        try directory.write("lib/modules/6.1.0-test/modules.alias", "# Aliases\nalias crc crc_fast\nalias crc crc_slow\nalias pci:v* a\n")
        #expect(try order("a") == ["crc_fast", "crc_slow", "a"])
    }

    @Test func anUpdateTakesThePlaceOfTheKernelsOwn() throws {
        try write("a.ko", ModuleObject())
        try directory.write("lib/modules/6.1.0-test/updates/dkms/a.ko", ModuleObject().bytes())
        #expect(try ModuleTree.locate(tree).loadOrder(of: ["a"]).map(\.path) == ["\(tree)/updates/dkms/a.ko"])
    }

    @Test func compressedModulesAreReadAndGoIntoTheGuestAsTheKernelLoadsThem() throws {
        let module = ModuleObject(depends: ["b"]).bytes()
        try directory.write("lib/modules/6.1.0-test/kernel/a-a.ko.zst", Tool.run("zstd", "-cq", input: module).bytes)
        try write("b.ko", ModuleObject())
        let files = try ModuleTree.locate(tree).loadOrder(of: ["a_a"])
        #expect(files.map(\.guestName) == ["b.ko", "a-a.ko"])
        #expect(try files[1].contents() == module)
    }

    @Test func whatCannotBeUnpackedSaysSo() throws {
        try directory.write("lib/modules/6.1.0-test/kernel/x.ko.xz", [1])
        #expect(throws: ModuleError.unsupportedCompression(path: "\(tree)/kernel/x.ko.xz")) { try order("x") }
        try directory.write("lib/modules/6.1.0-test/kernel/y.ko.zst", [1, 2, 3, 4, 5])
        #expect(throws: ModuleError.self) { try order("y") }
        try directory.write("lib/modules/6.1.0-test/kernel/z.ko", "not a module")
        #expect(throws: ModuleError.damaged(path: "\(tree)/kernel/z.ko", cause: "it is not an ELF file")) { try order("z") }
        // An ELF file whose section headers are said to be beyond all addresses.
        var object = ModuleObject().bytes()
        object.replaceSubrange(40..<48, with: [UInt8](repeating: 0xFF, count: 8))
        try directory.write("lib/modules/6.1.0-test/kernel/d.ko", object)
        let error = #expect(throws: ModuleError.self) { try order("d") }
        #expect(
            error?.description
                == "cannot read the module \(tree)/kernel/d.ko: it is damaged (section header table); install the kernel's package again")
    }

    // MARK: Finding the tree

    @Test func aTreeIsFoundFromEveryDirectoryAboveIt() throws {
        try write("a.ko", ModuleObject())
        for path in [tree, directory.path, "\(directory.path)/lib/modules", "\(tree)/"] {
            let found = try ModuleTree.locate(path)
            #expect(found.directory == tree)
            #expect(found.release == "6.1.0-test")
            #expect(try ModuleTree.locate(path, release: "6.1.0-test") == found)
        }
        try Tool.run("mkdir", "-p", "\(directory.path)/usr-root/usr/lib")
        try Tool.run("ln", "-s", "\(directory.path)/lib/modules", "\(directory.path)/usr-root/usr/lib/modules")
        #expect(try ModuleTree.locate("\(directory.path)/usr-root").release == "6.1.0-test")
    }

    @Test func aDirectoryWithoutModulesSaysWhereItLooked() throws {
        let error = try #require(throws: ModuleError.self) { try ModuleTree.locate(directory.path) }
        guard case .noTree(directory.path, let searched) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(searched.contains("\(directory.path)/lib/modules/*/kernel"))
        #expect(throws: ModuleError.self) { try ModuleTree.locate("/nonexistent") }
    }

    @Test func oneOfSeveralKernelsMustBeChosen() throws {
        try write("a.ko", ModuleObject())
        try directory.write("lib/modules/6.2.0-other/kernel/a.ko", ModuleObject().bytes())
        #expect(throws: ModuleError.severalReleases(["6.1.0-test", "6.2.0-other"], directory: directory.path)) {
            try ModuleTree.locate(directory.path)
        }
        #expect(try ModuleTree.locate(directory.path, release: "6.2.0-other").release == "6.2.0-other")
    }

    @Test func theModulesOfAnotherKernelAreRefused() throws {
        try write("a.ko", ModuleObject())
        #expect(throws: ModuleError.noSuchRelease("6.9", available: ["6.1.0-test"], directory: directory.path)) {
            try ModuleTree.locate(directory.path, release: "6.9")
        }
        #expect(throws: ModuleError.noSuchRelease("6.9", available: ["6.1.0-test"], directory: tree)) {
            try ModuleTree.locate(tree, release: "6.9")
        }
    }

    @Test func theKernelFilesReleaseIsReadFromItsHeaderOrItsName() throws {
        let kernel = try KernelTree()
        #expect(try KernelRelease.of(file: kernel.kernel) == kernel.release)
        let copy = "\(directory.path)/bzImage"
        try Tool.run("cp", kernel.kernel, copy)
        #expect(try KernelRelease.of(file: copy) == kernel.release)
        #expect(try KernelRelease.of(file: directory.write("vmlinuz-6.5-x", "no kernel")) == "6.5-x")
        #expect(try KernelRelease.of(file: directory.write("Image", "no kernel")) == nil)
        #expect(throws: InitrdError.self) { try KernelRelease.of(file: "/nonexistent") }
    }

    // MARK: What a module says

    @Test func aRealModuleSaysWhatModinfoSays() throws {
        let kernel = try KernelTree()
        for name in ["cifs", "btrfs", "virtio_net", "overlay"] {
            let files = try ModuleTree.locate(kernel.root).loadOrder(of: [name])
            let file = try #require(files.last)
            let information = try file.information()
            let depends = try Tool.run("modinfo", "-F", "depends", file.path).text.split(separator: "\n").flatMap {
                $0.split(separator: ",")
            }
            #expect(information.depends == depends.map(String.init))
            #expect(information.release == kernel.release)
        }
    }

    @Test(arguments: 0..<16) func aDamagedModuleNeverTraps(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let module = ModuleObject(depends: ["a", "b"], softdep: ["pre: c"]).bytes()
        for length in stride(from: Int(seed), to: module.count, by: 16) { _ = try? ModuleInformation(Array(module[..<length])) }
        for _ in 0..<400 {
            var bytes = module
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let value: UInt8 = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
                bytes[Int.random(in: 4..<bytes.count, using: &random)] = value
            }
            if let information = try? ModuleInformation(bytes) { #expect(information.depends.count <= bytes.count) }
        }
    }
}
