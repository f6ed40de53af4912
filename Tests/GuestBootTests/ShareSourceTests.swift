import Testing

@testable import GuestBoot

@Suite struct ShareSourceTests {
    @Test(arguments: ["//10.0.2.4/root", "//server/a share", "virtiofs:root", "9p:work", "image:store1", "virtiofs:a:b"])
    func aSourceIsReadAndWritten(text: String) throws { #expect(try #require(ShareSource(text)).text == text) }

    @Test(arguments: ["", "/", "//a", "//a/", "///b", "//a/b/c", "disk", "tmpfs", "virtiofs:", "9p", "nfs:x", ":x", "virtiofs:/x", "/a/b"])
    func whatIsNoSourceIsNone(text: String) { #expect(ShareSource(text) == nil) }

    @Test(arguments: [
        ("//10.0.2.4/work:/work", "//10.0.2.4/work", "/work"), ("virtiofs:work:/mnt/work", "virtiofs:work", "/mnt/work"),
        ("9p:a:/b:c", "9p:a", "/b:c"), ("image:x:/..a", "image:x", "/..a"),
    ])
    func aSharedDirectoryIsASourceAndAPlace(text: String, source: String, directory: String) throws {
        let mount = try #require(SharedDirectory(text, isWritable: true))
        #expect(mount.source.text == source)
        #expect(mount.directory == directory)
        #expect(mount.isWritable)
    }

    @Test(arguments: [
        "", ":/x", "work:/x", "//10.0.2.4/work", "//10.0.2.4/work:", "//10.0.2.4/work:x", "9p:a:/", "9p:a:/.", "9p:a:/b/../..", "//a:/b",
    ])
    func whatIsNoSharedDirectoryIsPassedOverWithAWarning(text: String) {
        #expect(SharedDirectory(text, isWritable: false) == nil)
        let plan = BootPlan(KernelCommandLine("vm.mount=\"\(text)\""))
        #expect(!plan.steps.contains { $0.name == "mount-shares" })
        #expect(plan.warnings.count == 1)
    }

    @Test func aRootThatIsNoDiskTouchesNone() {
        for (text, step) in [("tmpfs", BootStep.mountMemoryRoot), ("virtiofs:root", .mountSharedRoot(.virtiofs(tag: "root")))] {
            let plan = BootPlan(KernelCommandLine("vm.root=\(text)"))
            #expect(plan.steps.contains(step))
            #expect(!plan.steps.contains { $0.name == "format-empty-disk" })
            #expect(plan.warnings.isEmpty)
        }
    }

    @Test func aRootThatIsNotUnderstoodIsTheDiskWithAWarning() {
        let plan = BootPlan(KernelCommandLine("vm.root=floppy"))
        #expect(plan.steps.contains(.mountRoot(device: "/dev/vda")))
        #expect(plan.warnings == ["vm.root=floppy: must be disk, tmpfs, //SERVER/SHARE, virtiofs:TAG or 9p:TAG; taking disk"])
    }

    @Test func sharesAreMountedInTheRootToBe() throws {
        let plan = BootPlan(KernelCommandLine("vm.hostfs=none vm.mount=9p:a:/a vm.mount-writable=//s/b:/b"))
        let names = plan.steps.map(\.name)
        let mounts = try #require(names.firstIndex(of: "mount-shares"))
        #expect(names[mounts - 1] == "mount-root")
        #expect(plan.steps[mounts].arguments == "9p:a:/a //s/b:/b writable")
    }
}
