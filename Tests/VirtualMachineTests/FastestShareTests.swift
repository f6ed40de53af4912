import Foundation
import HostShares
import Testing

/// `--share auto` takes the fastest way that is not going to break.
@Suite struct FastestShareTests {
    private static let roomy = OpenFileLimit(hard: 1_024, canRaise: true, perProcess: 1_048_576, allProcesses: 9_000_000)
    private static let narrow = OpenFileLimit(hard: 20_000, canRaise: false, perProcess: 1_048_576, allProcesses: 9_000_000)

    private func choice(
        isRoot: Bool = true, hasVirtiofsd: Bool = true, _ openFiles: OpenFileLimit = roomy, modules: Set<String>? = ["virtiofs"]
    ) -> (share: DirectoryShare, note: String) {
        FastestShare(
            isRoot: isRoot, hasVirtiofsd: hasVirtiofsd, openFiles: openFiles, kernelHas: modules.map { modules in { modules.contains($0) } }
        ).choice
    }

    @Test func virtiofsIsTakenOnlyWhereItsServerCanOpenTheFilesOfALargeTree() {
        let enough = choice()
        #expect(enough.share == .virtiofs)
        #expect(enough.note == "sharing files over virtiofs, the fastest way that there is here")

        let narrow = choice(Self.narrow)
        #expect(narrow.share == .cifs)
        #expect(narrow.note == "sharing files over CIFS: virtiofsd may open only 20,000 files here, the kernel has no module 9p")

        let plan9 = choice(Self.narrow, modules: ["virtiofs", "9p", "9pnet_virtio"])
        #expect(plan9.share == .plan9)
        #expect(plan9.note == "sharing files over 9p: virtiofsd may open only 20,000 files here")
    }

    @Test func whatElseVirtiofsLacksIsSaidInstead() {
        #expect(choice(isRoot: false, Self.narrow).note == "sharing files over CIFS: virtiofs needs root, the kernel has no module 9p")
        #expect(choice(hasVirtiofsd: false).note.contains("there is no virtiofsd for virtiofs"))
        #expect(choice(modules: []).note.contains("the kernel has no module virtiofs, the kernel has no module 9p"))
        #expect(choice(modules: nil).share == .cifs)
        #expect(choice(modules: nil).note == "sharing files over CIFS: nobody knows what else the given initrd has")
    }

    @Test(arguments: [
        // The hard limit holds where it cannot be raised, and only there.
        (OpenFileLimit(hard: 20_000, canRaise: false, perProcess: 1_048_576, allProcesses: 9_000_000), 20_000, "20,000"),
        (.init(hard: 20_000, canRaise: true, perProcess: 1_048_576, allProcesses: 9_000_000), 1_000_000, "1,000,000"),
        (.init(hard: 524_288, canRaise: false, perProcess: 1_048_576, allProcesses: .max), 524_288, "524,288"),
        (.init(hard: .max, canRaise: false, perProcess: 65_536, allProcesses: .max), 65_536, "65,536"),
        // Others' files are left to them.
        (.init(hard: .max, canRaise: true, perProcess: 1_048_576, allProcesses: 100_000), 83_616, "83,616"),
        (.init(hard: .max, canRaise: true, perProcess: 1_048_576, allProcesses: 10_000), 0, "0"),
        (.init(hard: 512, canRaise: false, perProcess: 1_048_576, allProcesses: .max), 512, "512"),
    ])
    func theSmallestLimitHolds(limit: OpenFileLimit, attainable: Int, text: String) {
        #expect(limit.attainable == attainable)
        #expect(limit.isEnough == (attainable >= 131_072))
        #expect(limit.reason == "virtiofsd may open only \(text) files here")
    }

    @Test func theServerIsGivenWhatItCanHave() {
        let service = VirtiofsShare(
            shares: [.init(name: "s", directory: "/usr")], directory: "/run/x", server: "/usr/libexec/virtiofsd", limit: Self.narrow)
        #expect(service.daemons.map { $0.arguments.contains("--rlimit-nofile=20000") } == [true])
    }

    @Test func thisProcessesLimitIsTheKernels() throws {
        let limit = OpenFileLimit.ofThisProcess()
        let lines = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8).split(separator: "\n")
        let words = try #require(lines.first { $0.hasPrefix("Max open files") }).split(separator: " ")
        #expect(words.dropFirst(4).first.map(String.init) == String(limit.hard))
        #expect(try String(contentsOfFile: "/proc/sys/fs/nr_open", encoding: .utf8) == "\(limit.perProcess)\n")
        #expect(try String(contentsOfFile: "/proc/sys/fs/file-max", encoding: .utf8) == "\(limit.allProcesses)\n")
    }
}
