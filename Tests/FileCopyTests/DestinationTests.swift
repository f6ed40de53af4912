import AgentProtocol
import FileCopy
import Foundation
import Testing

/// Where a copy goes, as `cp` has it.
@Suite(.timeLimit(.minutes(1))) struct DestinationTests {
    /// Source, destination, whether recursive, and where the copy must be; nil when there must be none.
    static let places: [(String, String, Bool, String?)] = [
        ("file", "new", false, "new"), ("file", "directory", false, "directory/file"), ("file", "directory/", false, "directory/file"),
        ("file", "old", false, "old"), ("file", "directory/new", false, "directory/new"),
        ("file", "link to directory", false, "directory/file"),
        ("file", "link to old", false, "old"), ("file", "new/", false, nil), ("file", "nowhere/new", false, nil),
        ("file", "old/", false, nil), ("file", "old/new", false, nil), ("file", "link to nothing", false, nil),
        ("link to file", "new", false, "new"), ("tree", "new", false, nil), ("link to tree", "new", false, nil),
        ("absent", "new", false, nil), ("link to nothing", "new", false, nil), ("fifo", "new", false, nil), ("file", "fifo", false, nil),
        ("tree", "new", true, "new/file"), ("tree", "new/", true, "new/file"), ("tree/", "new", true, "new/file"),
        ("tree", "directory", true, "directory/tree/file"), ("tree/", "directory/", true, "directory/tree/file"),
        ("tree/.", "directory", true, "directory/file"), ("tree/.", "new", true, "new/file"), ("tree", "old", true, nil),
        ("link to tree/", "new", true, "new/file"), ("file", "new", true, "new"), ("file", "directory/subdirectory", false, nil),
    ]

    private func prepare() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.directory("tree")
        try scratch.directory("directory/subdirectory/file")
        try scratch.write("file", Array("new".utf8))
        try scratch.write("tree/file", Array("new".utf8))
        try scratch.write("old", Array("old".utf8))
        for target in ["file", "tree", "directory", "old"] { try scratch.link("link to \(target)", to: target) }
        try scratch.link("link to nothing", to: "nothing")
        try #require(mkfifo("\(scratch.path)/fifo", 0o600) == 0)
        return scratch
    }

    @Test(arguments: places, [false, true])
    func aCopyGoesWhereCpWouldPutIt(place: (source: String, destination: String, isRecursive: Bool, expected: String?), isOut: Bool)
        async throws
    {
        let scratch = try prepare()
        var copy = Copy()
        let name = place.source.hasSuffix("/.") ? nil : Array(place.source.utf8.filter { $0 != UInt8(ascii: "/") })
        let result: CopyResult
        if isOut {
            copy.request = CopyRequest(path: scratch.bytes(place.source), isRecursive: place.isRecursive)
            result = try await copy.copyOut(to: CopyDestination(path: scratch.bytes(place.destination), name: name)).get()
        } else {
            copy.request = CopyRequest(path: scratch.bytes(place.destination), name: name, isRecursive: place.isRecursive)
            result = try await copy.copyIn(scratch.bytes(place.source)).get()
        }
        guard let expected = place.expected else {
            #expect(copy.log.texts.count == 1)
            #expect(result.entries == 0)
            #expect(scratch.read("old") == "old")
            #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/new"))
            #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/nothing"))
            return
        }
        #expect(copy.log.texts.isEmpty)
        #expect(scratch.read(expected) == "new")
        #expect(try scratch.status(expected).st_mode & mode_t(S_IFMT) == mode_t(S_IFREG))
    }

    @Test(arguments: [
        ("file", "new/", "no such directory"), ("file", "link to nothing", "is a symbolic link that leads to nothing"),
        ("tree", "old", "is not a directory"), ("file", "fifo", "which a copy does not replace"),
    ])
    func aPlaceThatIsNoneIsToldAsWhatItIs(source: String, destination: String, words: String) async throws {
        let scratch = try prepare()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes(destination), name: Array(source.utf8), isRecursive: source == "tree")
        _ = try await copy.copyIn(scratch.bytes(source)).get()
        #expect(copy.log.texts.count == 1 && copy.log.texts[0].contains(words), "\(copy.log.texts)")
    }

    /// Without a name of its own, as from the standard input.
    @Test func aDirectoryIsNoPlaceForWhatHasNoName() async throws {
        let scratch = try prepare()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("directory"))
        _ = try await copy.copyIn(scratch.bytes("file")).get()
        #expect(copy.log.texts == ["is a directory; name the file in it that is to be written"])
    }

    @Test func aLinkIsCopiedAsOneWhereTreesAre() async throws {
        let scratch = try prepare()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("new"), isRecursive: true)
        _ = try await copy.copyIn(scratch.bytes("link to tree")).get()
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(scratch.path)/new") == "tree")
    }

    @Test(arguments: ["new", "old", "new/"]) func severalSourcesNeedADirectory(destination: String) async throws {
        let scratch = try prepare()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes(destination), name: Array("file".utf8), needsDirectory: true)
        #expect(try await copy.copyIn(scratch.bytes("file")).get().entries == 0)
        #expect(copy.log.texts.count == 1)
    }

    /// What a guest has sent in one copy does not choose what the next one overwrites.
    @Test(arguments: ["link to old", "link to directory", "link to nothing"]) func aLinkIsNotFollowedForAGuest(destination: String)
        async throws
    {
        let scratch = try prepare()
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("file"))
        let target = CopyDestination(path: scratch.bytes(destination), name: Array("file".utf8), followsLink: false)
        #expect(try await copy.copyOut(to: target).get().entries == 0)
        #expect(copy.log.texts.count == 1 && copy.log.texts[0].hasPrefix("is a symbolic link, perhaps of the guest's making: name what"))
        #expect(scratch.read("old") == "old")
        #expect(try scratch.names("directory") == ["subdirectory"])
    }

    /// The directory that the user named is his, not the copy's.
    @Test func aDirectoryThatTakesEntriesInKeepsItsOwnMode() async throws {
        let scratch = try prepare()
        try #require(chmod("\(scratch.path)/tree", 0o700) == 0)
        try #require(chmod("\(scratch.path)/directory", 0o1777) == 0)
        var copy = Copy()
        copy.request = CopyRequest(path: scratch.bytes("directory"), isRecursive: true)
        _ = try await copy.copyIn(scratch.bytes("tree/.")).get()
        #expect(try scratch.status("directory").st_mode & 0o7777 == 0o1777)
    }
}
