import Testing

@testable import GuestBoot

@Suite struct HostFilesTests {
    @Test(arguments: [("//10.0.2.4/qemu", "10.0.2.4"), ("//server/share", "server"), ("//a/b c", "a")])
    func theServerIsTheFirstPartOfAShare(_ share: String, _ server: String) throws {
        #expect(try MountHostFiles.server(of: share) == server)
    }

    @Test(arguments: ["", "/", "//", "///", "//a", "//a/", "///b", "a/b", "/a/b", "//a/b/c", "x//a/b", "10.0.2.4", "none "])
    func whatIsNoShareIsRefusedWithTheFormThatIsNeeded(_ share: String) {
        #expect(throws: StepFailure("vm.hostfs=\(share): must be //SERVER/SHARE, or none")) { try MountHostFiles.server(of: share) }
    }
}
