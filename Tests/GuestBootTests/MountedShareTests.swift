import Testing

@testable import GuestBoot

@Suite struct MountedShareTests {
    @Test(
        arguments: [
            ("store:/nix/store", "store", "/nix/store"), ("a:/b", "a", "/b"), ("a:/b:c", "a", "/b:c"), ("a b:/c d", "a b", "/c d"),
            ("a:/..b/c..", "a", "/..b/c.."), ("..:/b", "..", "/b"),
        ]) func aShareIsANameAndADirectory(_ text: String, _ name: String, _ directory: String) throws
    {
        let share = try #require(MountedShare(text))
        #expect(share.name == name)
        #expect(share.directory == directory)
    }

    @Test(
        arguments: [
            "", ":", "a", "a:", ":/b", "a:b", "a/b:/c", "a:/..", "a:/b/../..", "a:/../etc", "a:b:/c", "/a:/b",
            // The share itself is mounted there.
            "a:/", "a://", "a:/.", "a:/./",
        ]) func whatIsNoShareOrWouldLeaveHostfsIsNone(_ text: String)
    {
        #expect(MountedShare(text) == nil)
    }
}
