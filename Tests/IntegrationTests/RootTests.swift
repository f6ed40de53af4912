import Foundation
import Testing

/// What a guest's root can be, and directories of the host's in it.
@Suite(.tellsStory) struct RootTests {
    @Test func theHostsOwnTreeIsTheRootAndNothingReachesTheHost() async throws {
        let directory = try VMDirectory()
        let marker = try directory.privateFile("marker", "the host's".utf8)
        let script = """
            pwd; id -u; echo $MINE; cat /etc/debian_version '\(marker)'; uname -r
            echo changed > '\(marker)' && cat '\(marker)'; echo new > made-in-guest; rm /etc/debian_version; ls made-in-guest; exit 7
            """
        try await MachineSlots.withSlot {
            var run = directory.vmRun(["--root", "host"], command: ["sh", "-c", script], name: "host", isVerbose: false)
            run.environment["MINE"] = "a variable of the caller's"
            let result = try await run.run()
            let release = try String(contentsOfFile: "/etc/debian_version", encoding: .utf8)
            #expect(
                result.text == """
                    \(directory.path)
                    \(geteuid())
                    a variable of the caller's
                    \(release)the host's\(Checkout.kernelRelease)
                    changed
                    made-in-guest

                    """, "\(result)")
            #expect(result.code == 7)
        }
        #expect(try String(contentsOfFile: marker, encoding: .utf8) == "the host's")
        #expect(FileManager.default.fileExists(atPath: "/etc/debian_version"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        await directory.expectNothingLeft()
    }

    @Test func aRootInMemoryNeedsNoDisk() async throws {
        try await withMachine(["--root", "tmpfs", "--store", "none"]) { machine in
            try await machine.waitUntilReady()
            #expect(
                try await machine.output(of: "ls -d /sys/block/vd* 2>/dev/null | wc -l; grep -c '^vm-agent-root / tmpfs' /proc/mounts")
                    == "0\n1")
            #expect(!FileManager.default.fileExists(atPath: machine.disk))
        }
    }

    @Test func directoriesOfTheHostAreWhereTheyAreWantedAndWritableOnlyWhereThatIsSaid() async throws {
        let directory = try VMDirectory()
        let file = try directory.privateFile("shared/file", "content\n".utf8)
        let shared = (file as NSString).deletingLastPathComponent
        let options = ["--root", "tmpfs", "--mount", "\(shared):/mnt/fixed", "--mount", "\(shared):/open:rw"]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "cat /mnt/fixed/file /open/file") == "content\ncontent")
            let refused = try await machine.sh("touch /mnt/fixed/new; mount -o remount,rw /mnt/fixed; touch /mnt/fixed/new")
            #expect(refused.code != 0 && refused.errors.contains("Read-only file system"), "\(refused)")
            #expect(try await machine.sh("echo from the guest >/open/new; sync").code == 0)
            #expect(try String(contentsOfFile: shared + "/new", encoding: .utf8) == "from the guest\n")
            // Both ways: the host's change is seen where the guest may write, too.
            try "changed\n".write(toFile: file, atomically: false, encoding: .utf8)
            try await eventually("the host's change to be seen", within: .seconds(20)) {
                try await machine.output(of: "cat /open/file") == "changed"
            }
        }
        await directory.expectNothingLeft()
    }

    @Test(arguments: [
        (["--mount", "/tmp"], "--mount"), (["--mount", "/tmp:relative"], "--mount"), (["--mount", "/tmp:/"], "--mount"),
        (["--root", "floppy"], "--root"), (["--root", "host", "--ephemeral"], "--root host has no disk"),
        (["--mount", "/tmp:/a", "--mount", "/:/a"], "two directories are to be /a"),
    ])
    func whatCannotBeIsRefusedAtOnce(options: [String], word: String) async throws {
        let directory = try VMDirectory()
        let result = try await directory.vm(["run"] + options + ["--", "true"]).run()
        #expect(result.code == 64)
        #expect(result.errors.contains(word), "\(result)")
    }
}
