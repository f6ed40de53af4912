import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct InitrdPlanTests {
    let directory: TemporaryDirectory
    /// A static program in place of the agent.
    let agent: String

    init() throws {
        directory = try TemporaryDirectory()
        agent = try Tool.path("busybox")
    }

    private func unpack(_ image: [UInt8]) throws -> String {
        let root = "\(directory.path)/root-\(UInt32.random(in: 0...UInt32.max))"
        try Tool.run("mkdir", root)
        try Tool.run("cpio", "-idm", "--quiet", "--no-preserve-owner", input: image, directory: root)
        return root
    }

    @Test func anInitrdHoldsWhatABootNeeds() throws {
        let kernel = try KernelTree()
        let tree = try ModuleTree.locate(kernel.root)
        let configuration = try directory.write("mke2fs.conf", "[defaults]\n")
        let description = InitrdDescription(
            agent: agent, mke2fs: try Tool.path("mke2fs"), mke2fsConfiguration: configuration, busybox: agent, moduleTree: tree)
        let plan = try description.plan()
        #expect(plan.notes == [])
        let root = try unpack(plan.image())
        #expect(try Tool.run("cmp", "\(root)/init", agent).isSuccess)
        #expect(
            try Tool.run("stat", "-c", "%a", "\(root)/init", "\(root)/bin/busybox", "\(root)/sbin/mke2fs", "\(root)/etc/mke2fs.conf").lines
                == ["755", "755", "755", "644"])
        #expect(
            try Tool.run("stat", "-c", "%F %a", "\(root)/tmp", "\(root)/proc", "\(root)/mnt-root").lines == [
                "directory 1777", "directory 555", "directory 755",
            ])
        // The order file names every module once, and each is there.
        let order = try Tool.run("cat", "\(root)/lib/modules/order").lines
        #expect(order == plan.modules.map(\.guestName))
        #expect(try Set(Tool.run("ls", "\(root)/lib/modules").lines) == Set(order + ["order"]))
        #expect(try Tool.run("cmp", "\(root)/lib/modules/cifs.ko", #require(plan.modules.first { $0.moduleName == "cifs" }).path).isSuccess)
    }

    @Test func theSameDescriptionGivesTheSameBytes() throws {
        let tree = try ModuleTree.locate(KernelTree().root)
        func image() throws -> [UInt8] {
            try InitrdDescription(agent: agent, mke2fs: Tool.path("mke2fs"), busybox: agent, moduleTree: tree).plan()
                .image(compression: .zstd(level: 1))
        }
        let first = try image()
        #expect(try image() == first)
        // And what zstd unpacks is the archive.
        let plain = try InitrdDescription(agent: agent, mke2fs: Tool.path("mke2fs"), busybox: agent, moduleTree: tree).plan().image()
        #expect(try Tool.run("zstd", "-dcq", input: first).bytes == plain)
    }

    @Test(
        .enabled(if: (try? Tool.run("id", "-u").lines) == ["0"], "changing the root directory needs root"),
        arguments: [("mke2fs", ["-V"]), ("bash", ["-c", "exit 0"]), ("nix-store", ["--version"]), ("qemu-img", ["--version"])])
    func aProgramRunsWithNothingButItsClosure(_ program: String, _ arguments: [String]) throws {
        let root = try unpack(InitrdDescription(agent: agent, mke2fs: Tool.path(program), modules: ModuleSet([])).plan().image())
        let output = try Tool.outcome(["chroot", root, "/sbin/mke2fs"] + arguments)
        #expect(output.isSuccess, "\(output.errors)")
    }

    @Test func e2fsckCostsAnInitrdNothingButItself() throws {
        let without = try InitrdDescription(agent: agent, mke2fs: Tool.path("mke2fs"), modules: ModuleSet([])).plan()
        let with = try InitrdDescription(agent: agent, mke2fs: Tool.path("mke2fs"), e2fsck: Tool.path("e2fsck"), modules: ModuleSet([]))
            .plan()
        #expect(Set(with.entries.keys).subtracting(without.entries.keys) == ["/sbin/e2fsck"])
    }

    @Test func anAgentThatNeedsLibrariesIsRefused() throws {
        let bash = try Tool.path("bash")
        #expect(throws: InitrdError.agentNotStatic(path: bash, interpreter: "/lib64/ld-linux-x86-64.so.2")) {
            try InitrdDescription(agent: bash).plan()
        }
    }

    @Test func aBusyboxThatNeedsLibrariesIsTakenWithThemAndRemarkedUpon() throws {
        let plan = try InitrdDescription(agent: agent, busybox: Tool.path("bash")).plan()
        #expect(plan.notes.count == 1)
        #expect(plan.entries.keys.contains { $0.hasSuffix("/libc.so.6") })
    }

    @Test func twoProgramsWithDifferentLibrariesForOnePlaceAreRefused() throws {
        let program = ELFFile(interpreter: try directory.write("ld.so", []), needed: ["x.so"], runPath: "$ORIGIN/../lib").bytes()
        func own(_ name: String) throws -> String {
            try directory.write("\(name)/lib/x.so", ELFFile(soname: name).bytes())
            return try directory.write("\(name)/bin/program", program)
        }
        let (first, second) = (try own("first"), try own("second"))
        #expect { try InitrdDescription(agent: agent, mke2fs: second, busybox: first).plan() } throws: {
            "\($0)".contains("/first/bin/../lib/x.so and ")
                && "\($0)".contains("/second/bin/../lib/x.so would both be /lib/x.so in the guest; give one of them another destination")
        }
    }

    @Test func whatIsNoProgramOrNotThereIsRefusedByName() throws {
        let text = try directory.write("text", "#!/bin/sh\n")
        #expect(throws: InitrdError.notAProgram(path: text, cause: .notELF)) { try InitrdDescription(agent: text).plan() }
        let missing = "\(directory.path)/missing"
        #expect(throws: InitrdError.file(.failed(action: .read, path: missing, code: 2))) { try InitrdDescription(agent: missing).plan() }
        #expect(throws: InitrdError.file(.notAFile(path: directory.path))) { try InitrdDescription(agent: directory.path).plan() }
    }

    @Test func aMissingModuleStopsTheBuild() throws {
        let tree = try ModuleTree.locate(KernelTree().root)
        #expect(throws: InitrdError.self) {
            try InitrdDescription(agent: agent, moduleTree: tree, modules: ModuleSet.standard.adding(["no-such-module"])).plan()
        }
        // One that a kernel may lack is left out.
        let optional = ModuleSet([.init("no-such-module", isRequired: false), .init("overlay")])
        #expect(try InitrdDescription(agent: agent, moduleTree: tree, modules: optional).plan().modules.map(\.moduleName) == ["overlay"])
    }

    // MARK: Additions

    private func plan(_ additions: InitrdDescription.Addition...) throws(InitrdError) -> InitrdPlan {
        try InitrdDescription(agent: agent, modules: ModuleSet([]), additions: additions).plan()
    }

    @Test func anAddedTreeKeepsItsModesAndLinks() throws {
        try directory.write("tree/etc/a", "a", mode: 0o640)
        try directory.write("tree/bin/b", "b", mode: 0o755)
        try Tool.run("mkdir", "-m", "700", "\(directory.path)/tree/empty")
        try Tool.run("ln", "-s", "../bin/b", "\(directory.path)/tree/etc/link")
        try Tool.run("ln", "-s", "etc", "\(directory.path)/tree/linked-directory")
        let root = try unpack(plan(.init(source: "\(directory.path)/tree", destination: "/opt/x")).image())
        #expect(try Tool.outcome(["diff", "-r", "--no-dereference", "\(directory.path)/tree", "\(root)/opt/x"]).isSuccess)
        #expect(
            try Tool.run("sh", "-c", "stat -c '%n %a' etc/a bin/b empty", directory: "\(root)/opt/x").lines
                == ["etc/a 640", "bin/b 755", "empty 700"])
        #expect(try Tool.run("readlink", "\(root)/opt/x/etc/link", "\(root)/opt/x/linked-directory").lines == ["../bin/b", "etc"])
    }

    @Test func anAddedDirectoryIsThereAlsoWhenItIsEmpty() throws {
        try Tool.run("mkdir", "-m", "711", "\(directory.path)/empty")
        let plan = try plan(.init(source: "\(directory.path)/empty", destination: "/var/empty"))
        #expect(plan.entries["/var/empty"] == .directory(permissions: 0o711))
    }

    @Test func aTreeMayBeLaidOverTheRoot() throws {
        try directory.write("overlay/etc/motd", "hello")
        let plan = try plan(.init(source: "\(directory.path)/overlay", destination: "/"))
        #expect(plan.entries["/etc/motd"] == .file("\(directory.path)/overlay/etc/motd"))
        #expect(plan.entries["/init"] == .program(agent))
    }

    @Test func anAdditionTakesThePlaceOfWhatWouldBeThere() throws {
        let file = try directory.write("init", "mine", mode: 0o755)
        let plan = try plan(.init(source: file, destination: "/init"))
        #expect(plan.entries["/init"] == .file(file))
        #expect(try plan.archive()["/init"] == .file(Array("mine".utf8), permissions: 0o755))
    }

    @Test func anAdditionThatIsNotThereOrNoFileIsRefusedByName() throws {
        let missing = try plan(.init(source: "/nonexistent", destination: "/x"))
        #expect(throws: InitrdError.file(.failed(action: .read, path: "/nonexistent", code: 2))) { try missing.image() }
        let device = try plan(.init(source: "/dev/null", destination: "/x"))
        #expect(throws: InitrdError.file(.notAFile(path: "/dev/null"))) { try device.image() }
        #expect(throws: InitrdError.archive(.invalidPath("/../x"))) { try plan(.init(source: "/etc/passwd", destination: "/../x")) }
    }

    @Test func anAdditionIsReadFromItsText() {
        typealias Addition = InitrdDescription.Addition
        #expect(Addition(parsing: "/a:/b") == Addition(source: "/a", destination: "/b"))
        #expect(Addition(parsing: "/a") == Addition(source: "/a", destination: "/a"))
        #expect(Addition(parsing: "relative:/b") == Addition(source: "relative", destination: "/b"))
        #expect(Addition(parsing: "/with:colon:/b") == Addition(source: "/with:colon", destination: "/b"))
        for text in ["", ":", ":/b", "/a:", "relative", "/a:b"] { #expect(Addition(parsing: text) == nil) }
    }

    // MARK: Writing

    @Test func anImageReplacesTheOldOneWholeAndNothingElse() throws {
        let plan = try plan()
        let path = try directory.write("image", "old")
        #expect(try plan.write(to: path) == plan.image().count)
        #expect(try directory.read("image") == plan.image())
        #expect(try Tool.run("ls", directory.path).lines == ["image"])
        #expect(throws: InitrdError.file(.notAFile(path: directory.path))) { try plan.write(to: directory.path) }
        #expect(throws: InitrdError.file(.notAFile(path: "/dev/null"))) { try plan.write(to: "/dev/null") }
        #expect(throws: InitrdError.file(.failed(action: .write, path: "/nonexistent/image", code: 2))) {
            try plan.write(to: "/nonexistent/image")
        }
    }

    @Test func whatCannotBePackedIsSaid() throws {
        let plan = try plan()
        #expect { try plan.image(compression: .zstd(level: 40)) } throws: {
            "\($0)".hasPrefix("cannot compress the initrd: zstd level 40 is not supported; ")
        }
    }

    @Test func everyErrorIsASentenceWithAWayOut() {
        let errors: [InitrdError] = [
            .notAProgram(path: "/p", cause: .notELF), .agentNotStatic(path: "/p", interpreter: "/ld"),
            .programNotFound(name: "p", searched: ["/a"], option: "--p", package: nil),
            .programNotFound(name: "p", searched: ["/a"], option: "--p", package: "pp"),
            .libraries(.missingLibrary("l", neededBy: "/p", searched: ["/a"])), .conflict(destination: "/d", first: "/a", second: "/b"),
            .modules(.cycle(["a", "b", "a"])), .modules(.noTree(directory: "/d", searched: ["/s"])),
        ]
        for error in errors { #expect("\(error)".contains("; "), "\(error)") }
    }
}
