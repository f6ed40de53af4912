import HostTools
import LinuxSystem
import Testing

@testable import GuestBoot

@Suite struct SystemProgramsTests {
    @Test func theSystemsOwnDirectoriesComeFirstAndTheAgentsToolsLast() throws {
        let system = try TemporaryDirectory()
        try system.write("sw/bin/x", "")
        let directories = SystemPrograms.directories(systemPath: system.path)
        #expect(directories.last == "/run/vm-agent/bin")
        let own = try #require(directories.firstIndex(of: "\(system.path)/sw/bin"))
        #expect(own < (try #require(directories.firstIndex(of: "/usr/bin"))))
    }

    @Test func onlyDirectoriesThatAreThereAreSearched() throws {
        let system = try TemporaryDirectory()
        for directory in SystemPrograms.directories(systemPath: system.path).dropLast() { #expect(Files.isDirectory(directory)) }
        #expect(!SystemPrograms.directories(systemPath: system.path).contains("\(system.path)/sw/bin"))
    }

    @Test func theFirstExecutableOfThatNameIsFound() throws {
        let directory = try TemporaryDirectory()
        try directory.write("a/tool", "", mode: 0o644)
        try directory.write("b/tool", "#!/bin/sh\n", mode: 0o755)
        try directory.write("c/tool", "#!/bin/sh\n", mode: 0o755)
        try Files.makeDirectory("\(directory.path)/0/tool")
        let places = ["0", "a", "b", "c"].map { "\(directory.path)/\($0)" }
        #expect(SystemPrograms.find("tool", in: places) == "\(directory.path)/b/tool")
        #expect(SystemPrograms.find("other", in: places) == nil)
        #expect(SystemPrograms.find("./tool", in: places) == "./tool")
    }
}
