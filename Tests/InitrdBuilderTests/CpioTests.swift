import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct CpioTests {
    static let archive: Archive = {
        var archive = Archive()
        try? archive.addFile("/init", Array("#!/bin/sh\n".utf8), permissions: 0o755)
        try? archive.addFile("/a/b/c/odd", [1, 2, 3], permissions: 0o600)
        try? archive.addFile("/a/empty", [])
        try? archive.addSymlink("/bin", to: "usr/bin")
        try? archive.addSymlink("/a/dangling", to: "/nowhere/at all")
        try? archive.addDirectory("/tmp", permissions: 0o1777)
        try? archive.addFile("/a/four", [1, 2, 3, 4])
        try? archive.addFile("/a/setuid", [5], permissions: 0o4755)
        try? archive.addFile("/a/née", [6])
        return archive
    }()

    /// Unpacks an image with this machine's cpio, below the directory.
    private func unpack(_ image: [UInt8], in directory: TemporaryDirectory) throws -> String {
        let root = directory.path + "/root"
        try Tool.run("mkdir", root)
        try Tool.run("cpio", "-idm", "--quiet", "--no-preserve-owner", input: image, directory: root)
        return root
    }

    @Test func cpioListsEveryEntryWithItsParentsBeforeIt() throws {
        let listing = try Tool.run("cpio", "-t", "--quiet", input: CpioTests.archive.cpio())
        #expect(
            listing.lines == [
                "a", "a/b", "a/b/c", "a/b/c/odd", "a/dangling", "a/empty", "a/four", "a/n\\303\\251e", "a/setuid", "bin", "init", "tmp",
            ] || listing.lines.contains("a/née"))
        #expect(listing.lines.count == 12)
        #expect(CpioTests.archive.paths.count == 12)
        #expect(listing.errors == "")
    }

    @Test func cpioUnpacksContentModesAndLinks() throws {
        let directory = try TemporaryDirectory()
        let root = try unpack(CpioTests.archive.cpio(), in: directory)
        let found = try Tool.run("sh", "-c", "find . ! -type d -printf '%p %y %m %s %l\\n' | sort", directory: root)
        #expect(
            found.lines == [
                "./a/b/c/odd f 600 3 ", "./a/dangling l 777 15 /nowhere/at all", "./a/empty f 644 0 ", "./a/four f 644 4 ",
                "./a/née f 644 1 ", "./a/setuid f 4755 1 ", "./bin l 777 7 usr/bin", "./init f 755 10 ",
            ])
        #expect(try Tool.run("stat", "-c", "%a", "\(root)/tmp", "\(root)/a").lines == ["1777", "755"])
        #expect(try directory.read("root/a/b/c/odd") == [1, 2, 3])
        // The beginning of 1970: nothing in the image knows when it was made.
        #expect(try Tool.run("stat", "-c", "%Y", "\(root)/init", "\(root)/a/four").lines == ["0", "0"])
    }

    @Test func busyboxWhichReadsAsStrictlyAsTheKernelUnpacksTheSame() throws {
        let directory = try TemporaryDirectory()
        let root = try unpack(CpioTests.archive.cpio(), in: directory)
        let other = "\(directory.path)/other"
        try Tool.run("mkdir", other)
        try Tool.run("busybox", "cpio", "-idm", input: CpioTests.archive.cpio(), directory: other)
        #expect(try Tool.outcome(["diff", "-r", "--no-dereference", root, other]).isSuccess)
    }

    @Test func theBytesOfAnEntryAreThoseOfTheFormat() throws {
        var archive = Archive()
        try archive.addFile("/f", [0x61, 0x62], permissions: 0o640)
        let text = String(decoding: archive.cpio(), as: UTF8.self)
        // magic, inode, mode, owner, group, links, time, size, device, node, name's length, checksum
        let header = "070701" + "00000000" + "000081A0" + "00000000" + "00000000" + "00000001" + "00000000" + "00000002"
        let rest = "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000"
        #expect(text.hasPrefix(header + rest + "f\0ab\0\0"))
        #expect(text.dropFirst(header.count + rest.count + 6).hasPrefix("070701" + "00000000" + "00000000"))
    }

    @Test(arguments: 0..<9) func everyLengthOfNameAndContentIsPadded(_ length: Int) throws {
        var archive = Archive()
        let name = String(repeating: "n", count: length + 1)
        try archive.addFile(name, [UInt8](repeating: 0x78, count: length))
        try archive.addFile("zz", Array("last".utf8))
        let image = archive.cpio()
        #expect(image.count % 512 == 0)
        let directory = try TemporaryDirectory()
        let root = try unpack(image, in: directory)
        #expect(try Tool.run("cat", "\(root)/\(name)").bytes.count == length)
        #expect(try Tool.run("cat", "\(root)/zz").text == "last")
    }

    @Test func anEmptyArchiveIsOneToo() throws {
        #expect(try Tool.run("cpio", "-t", "--quiet", input: Archive().cpio()).lines == [])
    }

    @Test func theSameAdditionsInAnyOrderGiveTheSameBytes() throws {
        let additions: [@Sendable (inout Archive) throws -> Void] = [
            { try $0.addFile("/a/b", [1]) }, { try $0.addDirectory("/a", permissions: 0o700) }, { try $0.addSymlink("/z", to: "a") },
            { try $0.addFile("/a-b", [2]) }, { try $0.addFile("/a/b/../c".replacing("/b/..", with: ""), [3]) },
            { try $0.addDirectory("/tmp/x", permissions: 0o1777) }, { try $0.addDirectory("/tmp", permissions: 0o1777) },
        ]
        var expected: [UInt8]?
        var random = SeededGenerator(seed: 11)
        for _ in 0..<50 {
            var archive = Archive()
            for addition in additions.shuffled(using: &random) { try addition(&archive) }
            let bytes = archive.cpio()
            #expect(expected == nil || bytes == expected)
            expected = bytes
        }
        var archive = Archive()
        for addition in additions { try addition(&archive) }
        #expect(archive["/a"] == .directory(permissions: 0o700))
        #expect(archive["/tmp"] == .directory(permissions: 0o1777))
    }
}
