import HostTools
import Testing

@testable import InitrdBuilder

/// The closure and the order of modules, against `modprobe --show-depends` on the kernel that the guests boot.
@Suite struct ModuleLoadOrderTests {
    let kernel: KernelTree

    init() throws { kernel = try KernelTree() }

    /// What modprobe would load for each of `names`, last the module itself: paths below the tree.
    private func modprobe(_ names: [String]) throws -> [[String]] {
        let output = try Tool.outcome(
            ["modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends", "-a"] + names)
        var lists: [[String]] = []
        var list: [String] = []
        for line in output.lines where line.hasPrefix("insmod ") {
            let path = line.dropFirst("insmod \(kernel.modules)/".count).split(separator: " ")[0]
            list.append(String(path))
            if lists.count < names.count, ModuleName(path: path.utf8) == ModuleName(names[lists.count]) {
                lists.append(list)
                list = []
            }
        }
        return lists
    }

    private func relative(_ files: [ModuleFile], to directory: String) -> [String] {
        files.map { String($0.path.dropFirst(directory.count + 1)) }
    }

    /// The lines of `modules.softdep` that `isWanted` picks, by module, each with what follows the name.
    private func softDependencies(where isWanted: (Substring) -> Bool = { _ in true }) throws -> [ModuleName: Int] {
        var counts: [ModuleName: Int] = [:]
        for line in try Tool.run("cat", "\(kernel.modules)/modules.softdep").lines {
            let words = line.split(separator: " ", maxSplits: 2)
            if words.count == 3, isWanted(words[2]) { counts[ModuleName(words[1]), default: 0] += 1 }
        }
        return counts
    }

    @Test func everyModuleIsLoadedAfterWhatItNeedsInModprobesOrder() throws {
        let tree = try ModuleTree.locate(kernel.root)
        // Modprobe also loads what comes `post:`, which an initrd leaves alone; and of several lines for one module it
        // obeys the first only, where an initrd obeys all.
        let followed = try softDependencies { $0.contains("post:") }
        let several = try softDependencies { $0.contains("pre:") }.filter { $0.value > 1 }
        var exact = 0
        let names = try tree.index.files.keys.map(\.text).sorted().filter { name in
            try tree.loadOrder(of: [name]).allSatisfy { followed[$0.name] == nil }
        }
        for (name, expected) in zip(names, try modprobe(names)) {
            let files = try tree.loadOrder(of: [name])
            let order = relative(files, to: tree.directory)
            if files.contains(where: { several[$0.name] != nil }) {
                #expect(Set(expected).isSubset(of: order), "\(name)")
            } else {
                #expect(order == expected, "\(name)")
                exact += 1
            }
        }
        #expect(exact > 1_000)
    }

    @Test func theStandardSetIsLoadedInItsOwnOrderEachModuleOnce() throws {
        let tree = try ModuleTree.locate(kernel.root)
        let names = ModuleSet.standard.names(in: tree)
        let order = try tree.loadOrder(of: names).map(\.moduleName)
        #expect(Set(order).count == order.count)
        let expected = try Set(
            modprobe(names.filter { tree.file(of: ModuleName($0)) != nil }).joined().compactMap { ModuleName(path: $0.utf8)?.text })
        #expect(Set(order) == expected)
        // Entropy before anything can wait for it, and before the network and the disk.
        let random = try #require(order.firstIndex(of: "virtio_rng"))
        for later in ["virtio_net", "virtio_blk", "cifs", "overlay"] { #expect(random < (try #require(order.firstIndex(of: later)))) }
    }

    @Test func theCacheOfDepmodIsNotNeeded() throws {
        let bare = try BareTree(of: kernel)
        let with = try ModuleTree.locate(kernel.root)
        let without = try ModuleTree.locate(bare.path)
        #expect(without.release == kernel.release)
        #expect(without.index.dependencies == nil)
        #expect(without.index.files == with.index.files)
        // Every file is read again for each name: a part of the names will do.
        for (place, name) in with.index.files.keys.map(\.text).sorted().enumerated() where place % 8 == 0 {
            let files = try without.loadOrder(of: [name])
            let names = files.map(\.name)
            // All that depmod found, and nothing else but what is wished for: before every module what it needs.
            let needed = Set(try #require(with.index.loadOrder(of: ModuleName(name))))
            #expect(needed.isSubset(of: names), "\(name)")
            for (position, file) in files.enumerated() {
                let depends = Set(try #require(with.index.loadOrder(of: file.name)))
                #expect(depends.isSubset(of: names[..<position]), "\(file.moduleName) in \(names)")
            }
            #expect(names.last == ModuleName(name))
            #expect(Set(names).count == names.count)
        }
        let standard = ModuleSet.standard.names(in: with)
        #expect(ModuleSet.standard.names(in: without) == standard)
        #expect(try Set(without.loadOrder(of: standard).map(\.name)) == Set(with.loadOrder(of: standard).map(\.name)))
    }

    @Test func theOrderIsTheSameEveryTime() throws {
        let names = ["btrfs", "cifs", "virtio_net", "overlay"]
        let first = try ModuleTree.locate(kernel.root).loadOrder(of: names)
        for _ in 0..<3 { #expect(try ModuleTree.locate(kernel.root).loadOrder(of: names) == first) }
    }

    @Test func dashesAndUnderscoresNameTheSameModule() throws {
        let tree = try ModuleTree.locate(kernel.root)
        #expect(try tree.loadOrder(of: ["virtio-rng"]) == tree.loadOrder(of: ["virtio_rng"]))
        #expect(try tree.loadOrder(of: ["virtio_rng"]).last?.guestName == "virtio-rng.ko")
        #expect(tree.contains("virtio-rng"))
    }

    @Test func whatIsBuiltInIsNotLoaded() throws {
        let tree = try ModuleTree.locate(kernel.root)
        #expect(tree.contains("ext4"))
        #expect(try tree.loadOrder(of: ["ext4"]) == [])
    }
}

/// The modules as a kernel package has them before anybody ran `depmod`: the files, linked, and the list of what is built in.
struct BareTree {
    let directory: TemporaryDirectory
    let path: String

    init(of kernel: KernelTree) throws {
        directory = try TemporaryDirectory()
        path = "\(directory.path)/lib/modules/\(kernel.release)"
        try Tool.run("mkdir", "-p", path)
        try Tool.run("cp", "-rs", "\(kernel.modules)/kernel", path)
        try Tool.run("cp", "\(kernel.modules)/modules.builtin", "\(kernel.modules)/modules.order", path)
    }
}
