import ControlProtocol
import Foundation
import Testing

/// `--share image`: what is in the image, and when it is made. What files are in it is among the tests of `ShareTests`.
@Suite(.tellsStory) struct StoreImageTests {
    @Test func anImageHasExactlyTheClosureUnderAWritableLayer() async throws {
        let directory = try VMDirectory()
        let closure = try await directory.script("nix-store -qR \(Checkout.system) | xargs -n1 basename | sort").lines
        let options = ["--system", Checkout.system, "--share", "image", "--writable-store", "--empty-disk", "8M"]
        try await withMachine(options, in: directory) { machine in
            let status = try await machine.waitUntilReady()
            #expect(status.warnings == [])
            #expect(try await machine.output(of: "ls /hostfs/nix/store").split(separator: "\n").map(String.init) == closure)
            #expect(try await machine.output(of: "nix-store -qR \(Checkout.system) | wc -l") == "\(closure.count)")
            // The user's disks keep their names, and the image's cannot be written to.
            let disks = "grep -E '^/dev/vd' /proc/mounts | cut -d' ' -f1-3; cat /sys/block/vdb/size /sys/block/vdc/ro"
            let image = "/dev/vdc /hostfs erofs\n/dev/vdc /nix/store erofs"
            #expect(try await machine.output(of: disks) == "/dev/vda / ext4\n\(image)\n16384\n1")
            #expect(try await machine.output(of: "echo new >/nix/store/new; cat /nix/store/new") == "new")
            #expect(try await machine.sh("touch /hostfs/nix/store/new").code == 1)
        }
        await directory.expectNothingLeft()
    }

    @Test func anImageIsMadeOnceForEachContent() async throws {
        let directory = try VMDirectory()
        let store = try MadeUpStore()
        let images = Images(directory: directory)
        // Two of the paths, as `nix-store --dump-db` registers them.
        func registration(_ names: [String]) -> String { names.map { "/nix/store/\($0)\nhash\n1\n\n0\n" }.joined() }
        let two = try directory.privateFile("two", registration(["data", "directory"]).utf8)
        let three = try directory.privateFile("three", registration(["data", "directory", "relative"]).utf8)

        // Two runs that want one image at the same time.
        async let first = images.make(["--store", store.path, "--register", two])
        async let second = images.make(["--store", store.path, "--register", two])
        _ = try await (first, second)
        let made = try images.all()
        #expect(made.count == 1)
        _ = try await images.make(["--store", store.path, "--register", two])
        #expect(try images.all() == made, "it was made again")

        // Another closure; another content; all of it.
        _ = try await images.make(["--store", store.path, "--register", three])
        #expect(try images.all().count == 2)
        try await directory.script("echo deeper >\"$0\"/directory/private/file", argument: store.path)
        _ = try await images.make(["--store", store.path, "--register", two])
        #expect(try images.all().count == 3)
        _ = try await images.make(["--store", store.path])
        #expect(try images.all().count == 4)
        // No more are kept, and nothing else is left there.
        try await directory.script("echo deepest >\"$0\"/directory/private/file", argument: store.path)
        _ = try await images.make(["--store", store.path])
        #expect(try images.all().count == 4)
        #expect(try images.others().isEmpty)
    }

    @Test func theSameFilesGiveTheSameImage() async throws {
        let directory = try VMDirectory()
        let store = try MadeUpStore()
        let copy = directory.file("copy")
        // Made at other times, in another order.
        try await directory.script(
            "mkdir \"$0\"; ln -s data \(store.path)/z; ln \(store.path)/data \(store.path)/hard; cd \(store.path); "
                + "find . -mindepth 1 | sort -r | cpio -pd --quiet \"$0\"; chmod --reference . \"$0\"", argument: copy)
        let images = Images(directory: directory)
        for place in [store.path, copy] { _ = try await images.make(["--store", place]) }
        let both = try images.all().keys.map { $0 }
        #expect(both.count == 2)
        if both.count == 2 { try await directory.script("cmp \(both[0]) \(both[1])") }
    }

    @Test func whatCannotBeInAnImageIsSaid() async throws {
        let directory = try VMDirectory()
        for options in [["--store", "none"], []] {
            let result = try await directory.vmRun(["--share", "image", "--ephemeral"] + options, name: "guest", isVerbose: false).run()
            #expect(result.code == 255)
            #expect(result.errors.contains("--share image has nothing to make an image of: give --system or --register"), "\(result)")
        }
        let bad = try directory.privateFile("bad", "this is no registration\n".utf8)
        let store = try MadeUpStore()
        let options = ["--share", "image", "--ephemeral", "--store", store.path, "--register", bad]
        let result = try await directory.vmRun(options, name: "guest", isVerbose: false).run()
        #expect(result.errors.contains("the registration cannot be understood at line 1"), "\(result)")
        await directory.expectNothingLeft()
    }
}

/// The images in a cache of a test's own.
private struct Images {
    let directory: VMDirectory
    private var cache: String { directory.file("cache/vm-agent") }

    /// Runs `vm run` as far as the start of QEMU, which only tells its version.
    func make(_ options: [String]) async throws -> ProgramResult {
        var run = directory.vmRun(
            ["--share", "image", "--root", "tmpfs", "--qemu-opts", "--version"] + options, name: "g\(Int.random(in: 0...999_999))",
            isVerbose: false)
        run.environment["XDG_CACHE_HOME"] = directory.file("cache")
        return try await run.run()
    }

    /// Each with its inode's number.
    func all() throws -> [String: Int] { try files { $0.hasSuffix(".img") } }

    /// What else has to do with images.
    func others() throws -> [String: Int] { try files { !$0.hasSuffix(".img") } }

    private func files(_ isWanted: (String) -> Bool) throws -> [String: Int] {
        let names = try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasPrefix("image-") && isWanted($0) }
        return try names.reduce(into: [:]) { files, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(cache)/\(name)")
            files["\(cache)/\(name)"] = attributes[.systemFileNumber] as? Int ?? 0
        }
    }
}
