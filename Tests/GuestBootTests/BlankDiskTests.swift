import HostTools
import Testing

@testable import GuestBoot

/// The host's word counts for one disk and one boot.
@Suite struct BlankDiskTests {
    let directory: TemporaryDirectory
    let entry: String

    init() throws {
        directory = try TemporaryDirectory()
        entry = try directory.write("raw", "blank0123456789abcdef\n")
    }

    private func isVouchedFor(_ serial: String?, by entry: String? = nil, loader: String = "176\n") throws -> Bool {
        let loader = try directory.write("loader", loader)
        return BlankDisk.isVouchedFor("/dev/nowhere", serial: serial, by: entry ?? self.entry, loader: loader)
    }

    @Test func theDiskWithTheSerialNumberIsMeant() throws {
        #expect(try isVouchedFor("blank0123456789abcdef"))
    }

    @Test(arguments: [nil, "", "blank0123456789abcde", "blank0123456789abcdeg", "BLANK0123456789ABCDEF"] as [String?])
    func noOtherDiskIsMeant(_ serial: String?) throws {
        #expect(try !isVouchedFor(serial))
        #expect(try !isVouchedFor("", by: directory.write("empty", "")))
        #expect(try !isVouchedFor("blank0123456789abcdef", by: "/nonexistent"))
    }

    /// Whoever has started another kernel with kexec may have written to the disk before.
    @Test(arguments: ["208\n", "209", "", "x"]) func aKernelThatAnotherOneHasStartedIsAnotherBoot(_ loader: String) throws {
        #expect(try !isVouchedFor("blank0123456789abcdef", loader: loader))
    }
}
