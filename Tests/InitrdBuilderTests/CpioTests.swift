import Testing

@testable import InitrdBuilder

@Suite struct CpioTests {
    static let archive: Archive = {
        var archive = Archive()
        try? archive.addFile("/init", Array("#!/bin/sh\n".utf8), permissions: 0o755)
        try? archive.addFile("/a/b/c/odd", [1, 2, 3], permissions: 0o600)
        try? archive.addFile("/a/empty", [])
        try? archive.addSymlink("/bin", to: "usr/bin")
        try? archive.addDirectory("/tmp", permissions: 0o1777)
        try? archive.addFile("/a/four", [1, 2, 3, 4])
        return archive
    }()

    @Test func cpioListsEveryEntryWithItsParentsBeforeIt() throws {
        let directory = try TemporaryDirectory()
        let image = try directory.write("image.cpio", CpioTests.archive.cpio())
        let listing = try Tool.run("/bin/sh", "-c", "cpio -t --quiet < \(image)")
        #expect(listing.lines == ["a", "a/b", "a/b/c", "a/b/c/odd", "a/empty", "a/four", "bin", "init", "tmp"])
    }

    @Test func cpioUnpacksContentModesAndLinks() throws {
        let directory = try TemporaryDirectory()
        let image = try directory.write("image.cpio", CpioTests.archive.cpio())
        let root = directory.path + "/root"
        _ = try Tool.run("/bin/sh", "-c", "mkdir \(root) && cd \(root) && cpio -i --quiet --no-preserve-owner < \(image)")
        let found = try Tool.run("/bin/sh", "-c", "cd \(root) && find . -printf '%p %y %m %s %T@ %l\\n' | grep -v ' d ' | sort")
        #expect(
            found.lines.map { $0.trimming } == [
                "./a/b/c/odd f 600 3 0.0000000000", "./a/empty f 644 0 0.0000000000", "./a/four f 644 4 0.0000000000",
                "./bin l 777 7 0.0000000000 usr/bin", "./init f 755 10 0.0000000000",
            ])
        #expect(try Tool.run("/usr/bin/stat", "-c", "%a", "\(root)/tmp", "\(root)/a").lines == ["1777", "755"])
        #expect(try directory.read("root/a/b/c/odd") == [1, 2, 3])
    }
}
