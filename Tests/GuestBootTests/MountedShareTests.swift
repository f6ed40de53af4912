import Glibc
import HostTools
import LinuxSystem
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
            // A slash with an accent is a slash to the kernel.
            "a:/../\u{301}x", "a:/x/../\u{20DD}",
            // The share itself is mounted there.
            "a:/", "a://", "a:/.", "a:/./",
        ]) func whatIsNoShareOrWouldLeaveHostfsIsNone(_ text: String)
    {
        #expect(MountedShare(text) == nil)
    }

    /// The root's links mean places in it, before it is the root as afterwards.
    @Test func aDirectoryToMountOnIsMadeWhereTheRootsLinksLead() throws {
        let root = try TemporaryDirectory().path
        try Files.makeDirectory(root + "/data/home")
        for (target, link) in [("/data/home", "home"), ("../../..", "up"), ("loop", "loop"), ("/nothing", "dangling")] {
            #expect(symlink(target, "\(root)/\(link)") == 0)
        }
        #expect(try MountShares.directory("/home/me/x", below: root) == root + "/data/home/me/x")
        #expect(try MountShares.directory("//home//me/y/", below: root) == root + "/data/home/me/y")
        #expect(try MountShares.directory("/up/new", below: root) == root + "/new")
        for path in ["/loop/x", "/dangling/x", "/" + String(repeating: "a", count: 300)] {
            #expect(throws: Errno.self) { try MountShares.directory(path, below: root) }
        }
        try Files.write("", to: root + "/file", .create)
        #expect(throws: Errno(ENOTDIR)) { try MountShares.directory("/file/x", below: root) }
    }
}
