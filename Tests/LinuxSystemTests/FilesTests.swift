import CLinux
import HostTools
import Testing

@testable import LinuxSystem

@Suite struct FilesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var path: String { directory.path }

    @Test(arguments: [0, 1, 4095, 4096, 4097, 68 << 10, (68 << 10) + 1, 1 << 20]) func aFileIsReadWhole(_ size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size))
        let bytes = random.bytes(size)
        #expect(try Files.read(directory.write("file", bytes)) == bytes)
    }

    @Test func aFileOverTheLimitIsAnErrorNotAPart() throws {
        let file = try directory.write("file", [UInt8](repeating: 1, count: 101))
        #expect(try Files.read(file, limit: 101).count == 101)
        #expect(throws: Errno(EFBIG)) { try Files.read(file, limit: 100) }
    }

    @Test func aFileOfTheKernelsIsReadThoughItsSizeIsZero() throws {
        #expect(try Files.read("/proc/self/status").count > 100)
        #expect(try Files.readLine("/proc/sys/kernel/ostype") == "Linux")
    }

    @Test func aFileThatCannotBeReadSaysWhy() {
        #expect(throws: Errno.noSuchFile) { try Files.read("\(path)/missing") }
        #expect(throws: Errno(EISDIR)) { try Files.read(path) }
        #expect(throws: Errno(ENOTDIR)) { try Files.read("/proc/version/x") }
    }

    @Test func aLineLosesItsNewlinesAndNothingElse() throws {
        #expect(try Files.readLine(directory.write("a", " two words \n\n")) == " two words ")
        #expect(try Files.readLine(directory.write("b", "x\ny\n")) == "x\ny")
        #expect(try Files.readLine(directory.write("c", "\n")) == "")
    }

    @Test func writingNeedsAFileThatIsThereUnlessToldOtherwise() throws {
        #expect(throws: Errno.noSuchFile) { try Files.write("x", to: "\(path)/missing") }
        try Files.write("long text", to: "\(path)/new", .create)
        try Files.write("short", to: "\(path)/new")
        #expect(try directory.read("new") == Array("shorttext".utf8))
        try Files.write("short", to: "\(path)/new", .create)
        #expect(try directory.read("new") == Array("short".utf8))
    }

    @Test func directoriesAreMadeWithThoseAboveThem() throws {
        try Files.makeDirectory("\(path)/a/b/c")
        #expect(Files.isDirectory("\(path)/a/b/c"))
        // Once more is no error, with a slash at the end neither.
        try Files.makeDirectory("\(path)/a/b/c")
        try Files.makeDirectory("\(path)/d/e/")
        #expect(Files.isDirectory("\(path)/d/e"))
        try Files.makeDirectory("\(path)/f", mode: 0o700)
        #expect(try Tool.run("stat", "-c", "%a", "\(path)/f").lines == ["700"])
    }

    @Test func aDirectoryIsNotMadeWhereSomethingElseIs() throws {
        let file = try directory.write("file", "")
        #expect(throws: Errno.exists) { try Files.makeDirectory(file) }
        #expect(throws: Errno(ENOTDIR)) { try Files.makeDirectory("\(file)/below") }
        try Tool.run("ln", "-s", "/nonexistent", "\(path)/dangling")
        #expect(throws: Errno.exists) { try Files.makeDirectory("\(path)/dangling") }
        #expect(throws: Errno.noSuchFile) { try Files.makeDirectory("") }
    }

    @Test func aLinkToADirectoryIsADirectory() throws {
        try Files.makeDirectory("\(path)/real")
        try Tool.run("ln", "-s", "real", "\(path)/link")
        #expect(throws: Never.self) { try Files.makeDirectory("\(path)/link") }
        #expect(Files.isDirectory("\(path)/link"))
        #expect(Files.linkTarget("\(path)/link") == "real")
        #expect(Files.linkTarget("\(path)/real") == nil)
        #expect(Files.linkTarget("\(path)/missing") == nil)
    }

    @Test func aCopyHasTheContentAndTheMode() throws {
        var random = SeededGenerator(seed: 1)
        let bytes = random.bytes(3_000_001)
        let source = try directory.write("source", bytes)
        try Files.copy(source, to: "\(path)/copy", mode: 0o750)
        #expect(try directory.read("copy") == bytes)
        #expect(try Tool.run("stat", "-c", "%a", "\(path)/copy").lines == ["750"])
    }

    @Test func aCopyOverAFileReplacesItsContentAndItsMode() throws {
        let source = try directory.write("source", "new")
        let copy = try directory.write("copy", "something older", mode: 0o600)
        try Files.copy(source, to: copy, mode: 0o755)
        #expect(try directory.read("copy") == Array("new".utf8))
        #expect(try Tool.run("stat", "-c", "%a", copy).lines == ["755"])
    }

    @Test func aFileWhoseSizeTheKernelDoesNotTellIsCopiedToo() throws {
        try Files.copy("/proc/version", to: "\(path)/version", mode: 0o644)
        #expect(try directory.read("version") == Files.read("/proc/version"))
    }

    @Test func aCopyThatCannotBeMadeSaysWhy() throws {
        #expect(throws: Errno.noSuchFile) { try Files.copy("\(path)/missing", to: "\(path)/copy", mode: 0o644) }
        let source = try directory.write("source", "x")
        #expect(throws: Errno.noSuchFile) { try Files.copy(source, to: "\(path)/no/such", mode: 0o644) }
    }

    @Test func aDirectoryIsNotExecutableAndAFileNeedsTheBit() throws {
        #expect(Files.isExecutable(try directory.write("program", "", mode: 0o755)))
        #expect(!Files.isExecutable(try directory.write("text", "", mode: 0o644)))
        #expect(!Files.isExecutable(path))
        #expect(!Files.isExecutable("\(path)/missing"))
        #expect(Files.isEnterable(path))
        #expect(!Files.isEnterable("\(path)/program"))
        #expect(!Files.isEnterable("\(path)/missing"))
    }

    @Test func onlyBlockDevicesAreBlockDevices() throws {
        #expect(!Files.isBlockDevice("/dev/null"))
        #expect(!Files.isBlockDevice(try directory.write("image", "")))
        #expect(!Files.isBlockDevice("\(path)/missing"))
        #expect(Files.exists("/dev/null"))
        #expect(!Files.exists("\(path)/missing"))
    }
}
