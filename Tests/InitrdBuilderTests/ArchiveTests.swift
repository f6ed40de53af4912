import Testing

@testable import InitrdBuilder

@Suite struct ArchiveTests {
    @Test(arguments: ["a/b", "/a/b", "//a///b//", "/./a/./b/.", "./a/b"]) func aPathHasOneSpelling(_ path: String) throws {
        var archive = Archive()
        try archive.addFile(path, [1])
        #expect(archive.paths == ["/a", "/a/b"])
        #expect(archive[path] == .file([1], permissions: 0o644))
        #expect(archive["/a"] == .directory(permissions: 0o755))
    }

    @Test(arguments: ["", "/", ".", "/..", "/a/../b", "/a/../\u{301}b", "a\0b", "TRAILER!!!", "/TRAILER!!!"])
    func whatIsNoPathInATreeIsRefused(_ path: String) {
        var archive = Archive()
        #expect(throws: ArchiveError.invalidPath(path)) { try archive.addFile(path, []) }
        #expect(throws: ArchiveError.invalidPath(path)) { try archive.addDirectory(path) }
        #expect(throws: ArchiveError.invalidPath(path)) { try archive.addSymlink(path, to: "x") }
        #expect(archive == Archive())
    }

    @Test func aNameThatLinuxWouldSkipIsRefused() throws {
        var archive = Archive()
        let longest = "/" + String(repeating: "a", count: 4095)
        #expect(throws: Never.self) { try archive.addFile(longest, []) }
        #expect(throws: ArchiveError.nameTooLong(path: longest + "a", length: 4096)) { try archive.addFile(longest + "a", []) }
    }

    @Test(arguments: ["", "a\0b", String(repeating: "x", count: 4096)]) func aLinkNeedsATarget(_ target: String) {
        var archive = Archive()
        let error = #expect(throws: ArchiveError.invalidTarget(path: "/l", target: target)) { try archive.addSymlink("/l", to: target) }
        #expect(error?.description.contains("' cannot be a target; it must have 1 to ") == true)
    }

    @Test func theSameThingTwiceIsNoConflictAnotherIs() throws {
        var archive = Archive()
        try archive.addFile("/f", [1])
        try archive.addSymlink("/l", to: "f")
        #expect(throws: Never.self) { try archive.addFile("/f", [1]) }
        #expect(throws: Never.self) { try archive.addSymlink("/l", to: "f") }
        let error = #expect(throws: ArchiveError.occupied(path: "/f")) { try archive.addFile("/f", [2]) }
        #expect(error?.description.hasPrefix("cannot put /f into the initrd twice: the two differ; ") == true)
        #expect(throws: ArchiveError.occupied(path: "/f")) { try archive.addFile("/f", [1], permissions: 0o755) }
        #expect(throws: ArchiveError.occupied(path: "/f")) { try archive.addDirectory("/f") }
        #expect(throws: ArchiveError.occupied(path: "/l")) { try archive.addSymlink("/l", to: "g") }
    }

    @Test func twoPermissionsForOneDirectoryAreAConflict() throws {
        var archive = Archive()
        try archive.addDirectory("/d", permissions: 0o700)
        #expect(throws: Never.self) { try archive.addDirectory("/d", permissions: 0o700) }
        #expect(throws: Never.self) { try archive.addFile("/d/f", []) }
        #expect(throws: ArchiveError.occupied(path: "/d")) { try archive.addDirectory("/d", permissions: 0o755) }
        #expect(archive["/d"] == .directory(permissions: 0o700))
    }

    @Test func nothingCanBeBelowAFileOrALink() throws {
        var archive = Archive()
        try archive.addFile("/f", [])
        try archive.addSymlink("/l", to: "d")
        #expect(throws: ArchiveError.notADirectory(path: "/f", needed: "/f/x")) { try archive.addFile("/f/x", []) }
        #expect(throws: ArchiveError.notADirectory(path: "/l", needed: "/l/x/y")) { try archive.addDirectory("/l/x/y") }
    }

    @Test func permissionsAreNothingButPermissions() throws {
        var archive = Archive()
        try archive.addFile("/f", [], permissions: 0o170_755)
        try archive.addDirectory("/d", permissions: 0o170_755)
        #expect(archive["/f"] == .file([], permissions: 0o755))
        #expect(archive["/d"] == .directory(permissions: 0o755))
    }

    @Test func everyErrorNamesThePathAndAWayOut() {
        let errors: [ArchiveError] = [
            .invalidPath("/p"), .nameTooLong(path: "/p", length: 5000), .invalidTarget(path: "/p", target: ""),
            .occupied(path: "/p"), .notADirectory(path: "/p", needed: "/p/q"),
        ]
        for error in errors {
            #expect("\(error)".contains("/p"))
            #expect("\(error)".contains(";"))
        }
    }
}
