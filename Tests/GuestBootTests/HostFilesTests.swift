import Testing

@testable import GuestBoot

@Suite struct HostFilesTests {
    @Test(arguments: ["//10.0.2.4/qemu", "//server/share", "//a/b c", "virtiofs:qemu", "9p:qemu", "image:store"])
    func theHostsFilesComeFromASource(_ share: String) throws {
        #expect(try MountHostFiles.source(of: share).text == share)
    }

    @Test func otherSharesComeFromTheSamePlace() throws {
        #expect(try MountHostFiles.source(of: "//10.0.2.4/qemu").sibling("store") == .cifs(server: "10.0.2.4", share: "store"))
        #expect(try MountHostFiles.source(of: "virtiofs:qemu").sibling("store") == .virtiofs(tag: "store"))
        #expect(try MountHostFiles.source(of: "9p:qemu").sibling("store") == .plan9(tag: "store"))
        #expect(try MountHostFiles.source(of: "image:a").sibling("store") == nil)
    }

    @Test(arguments: ["", "/", "//", "///", "//a", "//a/", "///b", "a/b", "/a/b", "//a/b/c", "x//a/b", "10.0.2.4", "none "])
    func whatIsNoShareIsRefusedWithTheFormsThatThereAre(_ share: String) {
        #expect(throws: StepFailure("vm.hostfs=\(share): must be //SERVER/SHARE, virtiofs:TAG, 9p:TAG, image:SERIAL, or none")) {
            try MountHostFiles.source(of: share)
        }
    }

    @Test func anImageHasNoOtherSharesBesideIt() {
        let other = MountedShare("store:/nix/store").map { [$0] } ?? []
        // Nothing is mounted before that is seen.
        #expect(throws: StepFailure("vm.share=store: image:a is an image, which has no other shares beside it")) {
            try MountHostFiles.run(share: "image:a", others: other, root: "/nowhere") { _ in }
        }
    }
}
