import HostTools
import Testing

@testable import InitrdBuilder

@Suite struct LibraryClosureTests {
    @Test(arguments: ["mke2fs", "bash", "nix-store", "qemu-img", "smbd", "qemu-system-x86_64"])
    func aProgramsLibrariesAreThoseThatLddFinds(_ program: String) throws {
        let path = try Tool.path(program)
        let ours = try LibraryClosure.of(ELFImage(HostFile.read(path)), file: path, destination: "/bin/\(program)")
        let theirs = try Tool.run("ldd", path).lines.compactMap { line -> String? in
            line.split(separator: " ").first { $0.hasPrefix("/") || $0.hasPrefix("\t/") }.map {
                $0.hasPrefix("\t") ? String($0.dropFirst()) : String($0)
            }
        }
        #expect(theirs.count > 1)
        #expect(Set(ours.compactMap { HostPath.canonicalPath($0.file) }) == Set(theirs.compactMap { HostPath.canonicalPath($0) }))
        #expect(Set(ours.map(\.destination)).count == ours.count)
        #expect(ours.first?.destination == "/lib64/ld-linux-x86-64.so.2")
    }

    @Test func aStaticProgramNeedsNothing() throws {
        let path = try Tool.path("busybox")
        #expect(try LibraryClosure.of(ELFImage(HostFile.read(path)), file: path, destination: "/bin/busybox") == [])
    }

    // MARK: A tree of our own

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ name: String, _ file: ELFFile) throws -> String { try directory.write(name, file.bytes()) }

    /// The closure of a program with this interpreter, where the loader looks in `standard`, and by its cache in `configured`.
    private func closure(_ program: ELFFile, at name: String = "bin/program", destination: String = "/bin/program") throws -> [Library] {
        try directory.write("ld.so", [])
        var program = program
        program.interpreter = "\(directory.path)/ld.so"
        let path = try write(name, program)
        return try LibraryClosure.of(
            ELFImage(program.bytes()), file: path, destination: destination,
            directories: LibraryDirectories(configured: ["\(directory.path)/configured"], standard: ["\(directory.path)/standard"]))
    }

    private var path: String { directory.path }

    private func names(_ libraries: [Library]) -> [String] { libraries.map { HostPath.name(of: $0.file) } }

    @Test func librariesComeBreadthFirstAsTheLoaderTakesThem() throws {
        _ = try write("standard/a", ELFFile(needed: ["c", "b"]))
        _ = try write("standard/b", ELFFile(needed: ["d", "a"]))
        _ = try write("standard/c", ELFFile(needed: ["b"]))
        _ = try write("standard/d", ELFFile())
        #expect(names(try closure(ELFFile(needed: ["a", "b"]))) == ["ld.so", "a", "b", "c", "d"])
    }

    @Test func theCachesDirectoriesComeFirstAndAreMarked() throws {
        _ = try write("configured/a", ELFFile())
        _ = try write("standard/a", ELFFile())
        _ = try write("standard/b", ELFFile())
        let libraries = try closure(ELFFile(needed: ["a", "b"]))
        #expect(
            libraries.dropFirst() == [
                Library(file: "\(path)/configured/a", destination: "\(path)/configured/a", needsCache: true),
                Library(file: "\(path)/standard/b", destination: "\(path)/standard/b"),
            ])
    }

    @Test func aRunPathLeadsItsOwnObjectOnly() throws {
        _ = try write("run/a", ELFFile(needed: ["b"]))
        _ = try write("run/b", ELFFile())
        #expect(throws: LibraryError.missingLibrary("b", neededBy: "\(path)/run/a", searched: ["\(path)/configured", "\(path)/standard"])) {
            try closure(ELFFile(needed: ["a"], runPath: "\(path)/run"))
        }
    }

    @Test func anRPathLeadsThoseBelowToo() throws {
        _ = try write("old/a", ELFFile(needed: ["b"]))
        _ = try write("old/b", ELFFile())
        #expect(names(try closure(ELFFile(needed: ["a"], rPath: "\(path)/old"))) == ["ld.so", "a", "b"])
        // But not one that has a run path of its own.
        _ = try write("old/a", ELFFile(needed: ["b"], runPath: "/nowhere"))
        #expect(throws: LibraryError.self) { try closure(ELFFile(needed: ["a"], rPath: "\(path)/old")) }
    }

    @Test(arguments: ["$ORIGIN/../lib", "${ORIGIN}/../lib"]) func theOriginIsTheFilesOwnPlaceHereAndInTheGuest(_ runPath: String) throws {
        _ = try write("opt/lib/a", ELFFile())
        let libraries = try closure(ELFFile(needed: ["a"], runPath: runPath), at: "opt/bin/program", destination: "/usr/sbin/program")
        #expect(libraries.last?.destination == "/usr/lib/a")
        #expect(libraries.last.flatMap { HostPath.canonicalPath($0.file) } == "\(path)/opt/lib/a")
    }

    @Test func aLibraryForAnotherMachineIsPassedOver() throws {
        _ = try write("configured/a", ELFFile(machine: 183))
        try directory.write("old/a", Array("not a library".utf8))
        _ = try write("standard/a", ELFFile())
        #expect(try closure(ELFFile(needed: ["a"], rPath: "\(path)/old")).last?.file == "\(path)/standard/a")
    }

    @Test func aLibraryKnownByTwoNamesIsTakenOnce() throws {
        _ = try write("standard/a", ELFFile(soname: "a.so.1"))
        _ = try write("standard/b", ELFFile(needed: ["a.so.1"]))
        #expect(names(try closure(ELFFile(needed: ["a", "b"]))) == ["ld.so", "a", "b"])
    }

    @Test func aMissingInterpreterNamesTheProgram() throws {
        let program = ELFFile(interpreter: "\(path)/none.so")
        let error = #expect(throws: LibraryError.missingInterpreter("\(path)/none.so", program: "/p")) {
            try LibraryClosure.of(ELFImage(program.bytes()), file: "/p", destination: "/p")
        }
        #expect(error?.description.hasPrefix("/p is started by \(path)/none.so, which is not there; install the C library") == true)
    }

    @Test func aMissingLibraryNamesWhoNeedsItAndWhereItWasLookedFor() throws {
        _ = try write("standard/a", ELFFile(needed: ["gone.so"]))
        let error = try #require(throws: LibraryError.self) { try closure(ELFFile(needed: ["a"])) }
        #expect(
            "\(error)".hasPrefix("\(path)/standard/a needs the library gone.so, which is in none of \(path)/configured, \(path)/standard;"))
    }

    @Test func theConfigurationsIncludesAndCommentsAreObeyed() throws {
        try directory.write("conf.d/b.conf", "/from/b # comment\n")
        try directory.write("conf.d/a.conf", "# /nothing\n/from/a:/second\n")
        let main = try directory.write("ld.so.conf", "include conf.d/*.conf\nhwcap 1 x\n/own\nrelative\ninclude ld.so.conf\n")
        let directories = LibraryDirectories.ofHost(.x86_64, configuration: main)
        #expect(directories.configured.prefix(4) == ["/from/a", "/second", "/from/b", "/own"])
        #expect(!directories.configured.contains { !$0.hasPrefix("/") })
        #expect(directories.standard.first == "/lib/x86_64-linux-gnu")
        #expect(LibraryDirectories.ofHost(.aarch64, configuration: "/nonexistent").configured == [])
    }
}
