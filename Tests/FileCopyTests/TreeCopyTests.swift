import AgentProtocol
import FileCopy
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2))) struct TreeCopyTests {
    /// A tree with all that is kept.
    static func makeTree(_ scratch: Scratch, _ name: String) throws {
        try scratch.directory("\(name)/sub/deep")
        try scratch.write("\(name)/a", mode: 0o640)
        try scratch.write("\(name)/empty", [])
        try scratch.write("\(name)/program", mode: 0o755)
        try scratch.write("\(name)/-r *", [0, 1, 2])
        try scratch.write(Array("\(name)/new\nline".utf8), [10])
        try scratch.write(Array("\(name)/".utf8) + [0xFF, 0xFE, 0x80], [0xFF])
        try scratch.write("\(name)/large", (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        try scratch.link("\(name)/link", to: "a")
        try scratch.link("\(name)/loop", to: "loop")
        try scratch.link("\(name)/nowhere", to: "/nonexistent\n")
        try scratch.link("\(name)/sub/up", to: "..")
        try #require(Glibc.link("\(scratch.path)/\(name)/a", "\(scratch.path)/\(name)/sub/deep/second name") == 0)
        try #require(Glibc.link("\(scratch.path)/\(name)/a", "\(scratch.path)/\(name)/sub/third name") == 0)
        let sparse = open("\(scratch.path)/\(name)/sparse", O_WRONLY | O_CREAT, 0o600)
        try #require(sparse >= 0 && ftruncate(sparse, 20 << 20) == 0 && pwrite(sparse, "middle", 6, 9 << 20) == 6)
        close(sparse)
        try scratch.directory("\(name)/sub/sealed")
        try scratch.write("\(name)/sub/sealed/inside", mode: 0o400)
        try #require(chmod("\(scratch.path)/\(name)/sub/sealed", 0o555) == 0)
        for (path, seconds) in [("a", -5), ("link", 1), ("sub/deep", 1_000_000_000), ("sub", 7_000_000_000), ("", 3)] {
            let time = timespec(tv_sec: seconds, tv_nsec: 123_456_789)
            try #require(utimensat(AT_FDCWD, "\(scratch.path)/\(name)/\(path)", [time, time], AT_SYMLINK_NOFOLLOW) == 0)
        }
    }

    @Test func aTreeArrivesAsItWasAndGoesBackAsItWas() async throws {
        let scratch = try Scratch()
        try Self.makeTree(scratch, "tree")
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("in"), name: Array("tree".utf8), isRecursive: true, keepsOwner: true)
        let result = try await copy.copyIn(scratch.bytes("tree")).get()
        #expect(copy.log.texts.isEmpty)
        #expect(result.errors == 0)
        #expect(result.entries == UInt64(scratch.kept("tree").count))
        #expect(scratch.kept("in") == scratch.kept("tree"))
        #expect(try scratch.status("in/sparse").st_blocks * 512 < 1 << 20)

        copy.request = CopyRequest(path: scratch.bytes("in"), isRecursive: true)
        _ = try await copy.copyOut(to: CopyDestination(path: scratch.bytes("out"), name: nil)).get()
        #expect(copy.log.texts.isEmpty)
        #expect(scratch.kept("out") == scratch.kept("tree"))
        #expect(try scratch.status("out/sparse").st_blocks * 512 < 1 << 20)
    }

    @Test func aSecondCopyBringsTheFirstUpToDateAndLeavesWhatElseIsThere() async throws {
        let scratch = try Scratch()
        try Self.makeTree(scratch, "tree")
        try #require(chmod("\(scratch.path)/tree/sub/sealed", 0o755) == 0)
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes(), name: Array("in".utf8), isRecursive: true)
        _ = try await copy.copyIn(scratch.bytes("tree")).get()
        try scratch.write("in/other")
        try scratch.write("in/a", Array("changed".utf8))
        unlink("\(scratch.path)/in/link")
        try scratch.write("in/link")
        _ = try await copy.copyIn(scratch.bytes("tree")).get()
        #expect(copy.log.texts.isEmpty)
        unlink("\(scratch.path)/in/other")
        let time = timespec(tv_sec: 3, tv_nsec: 123_456_789)
        _ = utimensat(AT_FDCWD, "\(scratch.path)/in", [time, time], 0)
        #expect(scratch.kept("in") == scratch.kept("tree"))
        #expect(try scratch.names("in").filter { $0.hasPrefix(".vm-cp") }.isEmpty)
    }

    @Test func whatHasNoContentIsLeftOutWithAWarning() async throws {
        let scratch = try Scratch()
        try scratch.directory("tree")
        try #require(mkfifo("\(scratch.path)/tree/fifo", 0o600) == 0)
        try scratch.write("tree/a")
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("in"), isRecursive: true)
        #expect(try await copy.copyIn(scratch.bytes("tree")).get().errors == 0)
        #expect(copy.log.problems.ours.map(\.severity) == [.warning])
        #expect(try scratch.names("in") == ["a"])
    }

    @Test func oneBadEntryDoesNotStopTheRest() async throws {
        let scratch = try Scratch()
        for name in ["a", "b", "c"] { try scratch.directory("tree/\(name)/below") }
        try scratch.write("tree/b/file")
        try scratch.write("tree/d")
        // A file where a directory comes, a directory where a file comes.
        try scratch.directory("in/tree/d")
        try scratch.write("in/tree/b")
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("in"), name: Array("tree".utf8), isRecursive: true)
        let result = try await copy.copyIn(scratch.bytes("tree")).get()
        #expect(result.errors == 2)
        #expect(
            Set(copy.log.problems.theirs.map { String(decoding: $0.path.dropFirst(scratch.path.utf8.count), as: UTF8.self) }) == [
                "/in/tree/b", "/in/tree/d",
            ])
        #expect(try scratch.names("in/tree") == ["a", "b", "c", "d"])
        #expect(try scratch.names("in/tree/c") == ["below"])
        #expect(scratch.read("in/tree/b") == "content\n")
    }

    /// What cannot be placed is not sent to its end.
    @Test func aFileThatIsNotWantedIsNotSentToItsEnd() async throws {
        let scratch = try Scratch()
        try scratch.write("large", [1])
        try #require(truncate("\(scratch.path)/large", 1) == 0)
        try scratch.write("large", [UInt8](repeating: 7, count: 30 << 20))
        try scratch.directory("in/large")
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("in"), name: Array("large".utf8))
        #expect(try await copy.copyIn(scratch.bytes("large")).get().errors == 1)
        #expect(copy.log.texts == ["is a directory, which a file does not replace"])
        #expect(copy.log.bytes < 20 << 20)
    }

    @Test func filesOfProcHaveContentThoughTheySayTheyHaveNone() async throws {
        let scratch = try Scratch()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("in"))
        _ = try await copy.copyIn(Array("/proc/version".utf8)).get()
        #expect(scratch.read("in")?.hasPrefix("Linux version") == true)
    }

    /// Set-user-ID of a guest's choosing is no attribute that a host takes over unasked.
    @Test func setUserIDIsKeptOnlyWithTheOwnerAndWhenAskedFor() async throws {
        let scratch = try Scratch()
        try scratch.write("program", mode: 0o6755)
        for (keepsOwner, keepsSetID) in [(false, false), (false, true), (true, false), (true, true)] {
            var copy = Copy()
            copy.request = CopyRequest(path: scratch.bytes("program"))
            let destination = CopyDestination(path: scratch.bytes("out"), name: nil, keepsOwner: keepsOwner, keepsSetID: keepsSetID)
            _ = try await copy.copyOut(to: destination).get()
            #expect(try scratch.status("out").st_mode & 0o7777 == (keepsOwner && keepsSetID ? 0o6755 : 0o755))
        }
    }
}
