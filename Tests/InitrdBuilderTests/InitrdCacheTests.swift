import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct InitrdCacheTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func plan(_ text: String) -> InitrdPlan {
        var plan = InitrdPlan()
        plan.entries["/text"] = .bytes(Array(text.utf8))
        return plan
    }

    private func images() -> [String] { HostPath.names(in: "\(directory.path)/cache") }

    private func cache(_ capacity: Int = 8) -> InitrdCache { InitrdCache(directory: "\(directory.path)/cache", capacity: capacity) }

    @Test func theSamePlanIsBuiltOnce() throws {
        let path = try cache().image(of: plan("a"))
        #expect(try HostFile.read(path) == plan("a").image())
        // A mark that building anew would remove.
        try HostFile.write([1], to: path)
        #expect(try cache().image(of: plan("a")) == path)
        #expect(try HostFile.read(path) == [1])
        #expect(images().count == 1)
    }

    @Test func anotherPlanOrPackingIsAnotherImage() throws {
        let paths = try [
            cache().image(of: plan("a")), cache().image(of: plan("b")), cache().image(of: plan("a"), compression: .zstd(level: 1)),
            cache().image(of: plan("a"), compression: .zstd(level: 2)),
        ]
        #expect(Set(paths).count == 4)
        #expect(try Tool.run("zstd", "-dcq", paths[2]).bytes == plan("a").image())
    }

    @Test func aFileThatChangedIsReadAgain() throws {
        let file = try directory.write("file", "one")
        var plan = InitrdPlan()
        plan.entries["/f"] = .file(file)
        let first = try cache().image(of: plan)
        try Tool.run("sh", "-c", "printf two >'\(file)'")
        let second = try cache().image(of: plan)
        #expect(first != second)
        try Tool.run("chmod", "600", file)
        #expect(try cache().image(of: plan) != second)
        try Tool.run("rm", file)
        #expect(throws: InitrdError.self) { try cache().image(of: plan) }
    }

    @Test func theImagesThatWereUsedLongestAgoGo() throws {
        let small = cache(2)
        let first = try small.image(of: plan("1"))
        try Tool.run("touch", "-d", "2001-01-01", first)
        let second = try small.image(of: plan("2"))
        try Tool.run("touch", "-d", "2002-01-01", second)
        // Use makes it young again.
        #expect(try small.image(of: plan("1")) == first)
        let third = try small.image(of: plan("3"))
        #expect(Set(images().map { "\(directory.path)/cache/\($0)" }) == [first, third])
    }

    @Test func whatIsNotTheCachesStaysWhereItIs() throws {
        try Tool.run("mkdir", "-m", "700", "\(directory.path)/cache")
        try directory.write("cache/notes", "mine")
        let small = cache(1)
        for text in ["1", "2", "3"] { _ = try small.image(of: plan(text)) }
        #expect(images().count == 2)
        #expect(images().contains("notes"))
    }

    @Test func whatAKilledProgramLeftGoesAfterAWhileAndWhatIsBeingWrittenStays() throws {
        try Tool.run("mkdir", "-m", "700", "\(directory.path)/cache")
        let left = try directory.write("cache/initrd-0.img.1.2", "half")
        try directory.write("cache/initrd-1.img.3.4", "half")
        try Tool.run("touch", "-d", "2 hours ago", left)
        let image = try cache(1).image(of: plan("a"))
        #expect(Set(images()) == [HostPath.name(of: image), "initrd-1.img.3.4"])
    }

    @Test func manyAtOnceWithLittleRoomEachGetTheirImageBuilt() async throws {
        let small = cache(1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                let plan = plan("plan \(number % 20) \(String(repeating: "x", count: 200_000))")
                group.addTask { _ = try small.image(of: plan) }
            }
            try await group.waitForAll()
        }
        #expect(images().allSatisfy { $0.hasSuffix(".img") })
    }

    @Test func oneImageForManyWhoAskAtOnceIsWhole() async throws {
        let cache = cache()
        let plan = plan(String(repeating: "y", count: 300_000))
        let expected = try plan.image()
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<16 { group.addTask { try HostFile.read(cache.image(of: plan)) } }
            for try await bytes in group { #expect(bytes == expected) }
        }
        #expect(images().count == 1)
    }

    @Test func aDirectoryThatOthersMayWriteIsNotTrusted() throws {
        try Tool.run("mkdir", "-m", "777", "\(directory.path)/cache")
        let error = #expect(throws: InitrdError.file(.notOwned(directory: "\(directory.path)/cache"))) { try cache().image(of: plan("a")) }
        #expect(error?.description.hasPrefix("cannot keep files in \(directory.path)/cache: others may write there; ") == true)
    }

    @Test func theCacheIsForItsOwnerAlone() throws {
        let path = try cache().image(of: plan("a"))
        #expect(try Tool.run("stat", "-c", "%a", "\(directory.path)/cache").lines == ["700"])
        #expect(path.hasPrefix("\(directory.path)/cache/initrd-"))
    }

    @Test func aCacheHoldsAtLeastOneImage() { #expect(InitrdCache(directory: "/x", capacity: 0).capacity == 1) }
}
