import Foundation
import Testing

/// The ends of a VM that leave its disk as a file system should be left.
@Suite(.tellsStory) struct PowerOffTests {
    @Test func theSystemsInitIsAskedToPowerOff() async throws {
        try await expectCleanEnd(["--system", Checkout.system, "--writable-store"])
    }

    @Test func theAgentPowersOffWhereThereIsNoInit() async throws {
        try await expectCleanEnd(["--store", "none"])
    }

    private func expectCleanEnd(_ options: [String]) async throws {
        let directory = try VMDirectory()
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            // Something to lose: written, not synced, and a process that holds the file open.
            _ = try await machine.output(of: "seq 100000 > /root/numbers; (exec 9>> /root/held; sleep 1000) > /dev/null 2>&1 &")
            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0, "\(down)")
            #expect(down.errors == "")
            #expect(code == 0)
        }
        await directory.expectNothingLeft()

        try await directory.script("qemu-img convert -O raw guest.qcow2 raw")
        let header = try await directory.script("dumpe2fs -h raw 2>/dev/null")
        #expect(header.lines.contains { $0.hasPrefix("Filesystem state:") && $0.hasSuffix(" clean") }, "\(header)")
        #expect(!header.text.contains("needs_recovery"), "\(header)")
        let numbers = try await directory.script("e2fsck -fn raw >&2; debugfs -R 'cat /root/numbers' raw 2>/dev/null")
        #expect(numbers.lines == (1...100_000).map(String.init))
    }
}
