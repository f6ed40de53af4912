import AgentProtocol
import FileCopy
import Foundation
import Testing

/// A guest is not trusted: whatever it sends, nothing outside the destination is written.
@Suite(.timeLimit(.minutes(2))) struct HostileSenderTests {
    typealias Stream = BrokenStreamTests

    /// `in` is the destination; everything else must stay as it is.
    static func makeScratch() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.directory("outside")
        try scratch.write("outside/file", Array("untouched".utf8))
        return scratch
    }

    static func expectUntouched(_ scratch: Scratch) throws {
        #expect(try scratch.names("outside") == ["file"])
        #expect(scratch.read("outside/file") == "untouched")
        #expect(Set(try scratch.names()).isSubset(of: ["in", "outside"]))
    }

    static func destination(_ scratch: Scratch) -> CopyTarget {
        .files(CopyDestination(path: scratch.bytes("in"), name: nil, keepsOwner: false))
    }

    @Test(arguments: ["..", "../outside", "/etc", "a/b", "."]) func aNameThatLeadsAwayEndsTheCopy(name: String) async throws {
        let scratch = try Self.makeScratch()
        let frames = Stream.entry(.directory) + Stream.entry(.directory, name) + Stream.file("file", "written") + Stream.leave
        #expect(await Stream.receive(frames, to: Self.destination(scratch)) == .failure(.violation(.invalid("name"))))
        try Self.expectUntouched(scratch)
    }

    /// First a link to a directory outside, then a directory of the same name with files: the way in which archives escape.
    @Test(arguments: ["../outside", "outside-absolute", ".."]) func nothingIsWrittenThroughALinkThatTheCopyMade(target: String) async throws
    {
        let scratch = try Self.makeScratch()
        let target = target == "outside-absolute" ? "\(scratch.path)/outside" : target
        let log = Log()
        let frames =
            Stream.entry(.directory) + Stream.entry(.symbolicLink(Array(target.utf8)), "link") + Stream.entry(.directory, "link")
            + Stream.file("file", "written") + Stream.leave + Stream.leave + Stream.end
        _ = try await Stream.receive(frames, to: Self.destination(scratch), log).get()
        #expect(log.problems.ours.count == 1)
        try Self.expectUntouched(scratch)
        #expect(try scratch.names("in") == ["link"])
    }

    @Test func aFileReplacesALinkAndIsNotWrittenThroughIt() async throws {
        let scratch = try Self.makeScratch()
        let frames =
            Stream.entry(.directory) + Stream.entry(.symbolicLink(Array("../outside/file".utf8)), "link") + Stream.file("link", "written")
            + Stream.leave + Stream.end
        _ = try await Stream.receive(frames, to: Self.destination(scratch)).get()
        try Self.expectUntouched(scratch)
        #expect(scratch.read("in/link") == "written")
    }

    /// Hard links refer to files of this copy by number, and to nothing else, also when the name is another file's by now.
    @Test func aHardLinkIsToAFileOfThisCopy() async throws {
        let scratch = try Self.makeScratch()
        let log = Log()
        let frames =
            Stream.entry(.directory) + Stream.file("a", "a", link: 1)
            + Stream.entry(.symbolicLink(Array("../outside/file".utf8)), "a") + Stream.entry(.hardLink(1), "b") + Stream.leave + Stream.end
        _ = try await Stream.receive(frames, to: Self.destination(scratch), log).get()
        #expect(log.problems.ours.count == 1)
        #expect(try scratch.names("in") == ["a"])
        #expect(try scratch.status("outside/file").st_nlink == 1)
    }

    /// A guest that was asked for a file decides what is in it, and nothing else.
    @Test(arguments: [CopyEntry.Kind.directory, .symbolicLink(Array("../outside/file".utf8)), .hardLink(1)])
    func whatWasNotAskedForIsNotMade(kind: CopyEntry.Kind) async throws {
        let scratch = try Self.makeScratch()
        let log = Log()
        let target = CopyTarget.files(CopyDestination(path: scratch.bytes("in"), name: Array("in".utf8), followsLink: false))
        let frames = Stream.entry(kind) + (kind == .directory ? Stream.leave : []) + Stream.end
        _ = await Stream.receive(frames, to: target, log, request: CopyRequest(path: [1]))
        #expect(try scratch.names() == ["outside"])
    }

    /// A link of an earlier copy, at a name that the user did not write.
    @Test func aLinkThatWasThereIsReplacedToo() async throws {
        let scratch = try Self.makeScratch()
        try scratch.directory("in")
        try scratch.link("in/file", to: "../outside/file")
        let target = CopyTarget.files(CopyDestination(path: scratch.bytes("in"), name: Array("file".utf8)))
        _ = try await Stream.receive(Stream.file("", "written") + Stream.end, to: target).get()
        try Self.expectUntouched(scratch)
        #expect(scratch.read("in/file") == "written")
    }

    @Test func theTopsNameIsTheReceiversChoice() async throws {
        let scratch = try Self.makeScratch()
        #expect(
            await Stream.receive(Stream.file("outside", "x"), to: Self.destination(scratch)) == .failure(.violation(.invalid("name"))))
        try Self.expectUntouched(scratch)
    }

    /// Random orders of entries with few names, so that they meet: directories, links out, files, hard links.
    @Test func noOrderOfEntriesWritesOutside() async throws {
        let targets = ["..", "../outside", "../outside/file", "a", "b", "."]
        let scratch = try Self.makeScratch()
        for round in 0..<300 {
            var frames = Stream.entry(.directory)
            var depth = 1
            var links: UInt32 = 0
            for _ in 0..<30 {
                let name = ["a", "b", "outside", "file"].randomElement() ?? "a"
                switch Int.random(in: 0..<6) {
                case 0:
                    frames += Stream.entry(.directory, name)
                    depth += 1
                case 1 where depth > 1:
                    frames += Stream.leave
                    depth -= 1
                case 2, 3: frames += Stream.entry(.symbolicLink(Array((targets.randomElement() ?? "..").utf8)), name)
                case 4 where links > 0: frames += Stream.entry(.hardLink(UInt32.random(in: 1...links)), name)
                default:
                    links += 1
                    frames += Stream.file(name, "written", link: links)
                }
            }
            for _ in 0..<depth { frames += Stream.leave }
            let result = await Stream.receive(frames + Stream.end, to: Self.destination(scratch))
            #expect(throws: Never.self) { try result.get() }
            try Self.expectUntouched(scratch)
            if round % 3 == 0 { try FileManager.default.removeItem(atPath: "\(scratch.path)/in") }
        }
    }

    /// Good streams with a few bytes changed: they end, and nothing outside is touched.
    @Test func noBytesWriteOutside() async throws {
        let scratch = try Self.makeScratch()
        let good =
            Stream.entry(.directory) + Stream.entry(.symbolicLink(Array("../outside".utf8)), "a") + Stream.file("b", "b", link: 1)
            + Stream.entry(.directory, "c") + Stream.entry(.hardLink(1), "d") + Stream.leave + Stream.file("file", "x") + Stream.leave
            + Stream.end
        for _ in 0..<1000 {
            var frames = good
            for _ in 0..<Int.random(in: 1...3) { frames[Int.random(in: 0..<frames.count)] = UInt8.random(in: 0...255) }
            _ = await Stream.receive(frames, to: Self.destination(scratch))
            try Self.expectUntouched(scratch)
            #expect(try scratch.names().contains("in") ? scratch.names("in").filter { $0.hasPrefix(".vm-cp") }.isEmpty : true)
        }
    }
}
