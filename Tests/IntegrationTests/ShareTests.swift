import Foundation
import Testing

/// The ways in which the host's files reach a guest show it the same.
@Suite(.tellsStory) struct ShareTests {
    /// The ones that work here: virtiofsd needs root, and 9p a kernel that has it, which Debian's cloud kernel does not.
    static let kinds = ["cifs"] + (geteuid() == 0 ? ["virtiofs"] : [])

    @Test(arguments: kinds) func everyShareKeepsWhatFilesAre(kind: String) async throws {
        let store = try MadeUpStore()
        let directory = try VMDirectory()
        try await directory.script(
            """
            cd "$0"; mkdir many; (cd many; seq 5000 | xargs touch); ln data hardlink
            touch "$(printf 'bytes \\303\\244')" ' leading' 'trailing ' "quote'\\"\\\\" 'new
            line'
            truncate -s 4294967297 large; printf end | dd of=large bs=1 seek=4294967294 conv=notrunc 2>/dev/null
            """, argument: store.path)
        try await withMachine(["--store", store.path, "--share", kind], in: directory) { machine in
            try await machine.waitUntilReady()
            let list = "cd /nix/store; find . ! -name . ! -path './many/*' -exec stat -c '%A %a %s %h %N' {} + | sort -k 5"
            // A directory's size and links are the filesystem's own affair.
            let files = list.replacing("! -path './many/*'", with: "! -type d ! -path './many/*'")
            let inGuest = try await machine.output(of: files)
            let onHost = try await machine.directory.script("busybox sh -c \"\(files.replacing("/nix/store", with: store.path))\"")
            #expect(inGuest.split(separator: "\n").map(String.init) == onHost.lines)
            #expect(
                try await machine.output(of: "ls /nix/store/many | wc -l; cd /nix/store; cat hardlink; [ data -ef hardlink ] && echo same")
                    == "5000\ndata\nsame")
            #expect(
                try await machine.output(of: "cd /nix/store; stat -c %s large; dd if=large bs=1 skip=4294967294 2>/dev/null")
                    == "4294967297\nend")

            // Nothing that the guest's root can do makes it writable: the host's side refuses.
            for path in ["/nix/store", "/hostfs/nix/store"] {
                let result = try await machine.sh(
                    "mount -o remount,rw \(path); touch \(path)/new; echo more >>\(path)/data; rm \(path)/secret")
                #expect(result.code == 1, "\(result)")
            }
            #expect(try await machine.output(of: "cat /proc/mounts").contains(kind == "cifs" ? " cifs " : " \(kind) "))
        }
        #expect(!FileManager.default.fileExists(atPath: store.path + "/new"))
        #expect(FileManager.default.fileExists(atPath: store.path + "/secret"))
        #expect(try String(contentsOfFile: store.path + "/data", encoding: .utf8) == "data\n")
        await directory.expectNothingLeft()
    }

    @Test(arguments: kinds) func aDirectoryThatOthersChangeIsSeenAsItIs(kind: String) async throws {
        let directory = try VMDirectory()
        let file = try directory.privateFile("shared/file", "old\n".utf8)
        let shared = (file as NSString).deletingLastPathComponent
        let options = [
            "--root", "tmpfs", "--store", "none", "--share", kind, "--mount", "\(shared):/fixed", "--mount", "\(shared):/open:rw",
        ]
        try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "cat /fixed/file /open/file") == "old\nold")
            try "the host's change\n".write(toFile: file, atomically: false, encoding: .utf8)
            for place in ["fixed", "open"] {
                try await eventually("the host's change to be seen in /\(place)", within: .seconds(30)) {
                    try await machine.output(of: "cat /\(place)/file") == "the host's change"
                }
            }
            #expect(try await machine.sh("mount -o remount,rw /fixed; touch /fixed/new").code == 1)
            #expect(try await machine.sh("echo guest >/open/new; mkdir -p /open/a/b; mv /open/new /open/a/b; sync").code == 0)
            #expect(try String(contentsOfFile: shared + "/a/b/new", encoding: .utf8) == "guest\n")
        }
        await directory.expectNothingLeft()
    }

    @Test(.enabled(if: geteuid() == 0)) func leftToItselfTheFastestIsTakenAndSaid() async throws {
        try await withMachine(["--ephemeral", "--share", "auto"]) { machine in
            try await machine.waitUntilReady()
            #expect(machine.launcher.errors.contains("sharing files over virtiofs, the fastest way that there is here"))
            #expect(try await machine.output(of: "grep -c ' virtiofs ' /proc/mounts") != "0")
        }
    }

    /// What the guest has of its files there would hang for ever, and with it the run.
    @Test(.enabled(if: geteuid() == 0)) func aServerOfTheHostsThatDiesEndsTheVMAndIsTold() async throws {
        let directory = try VMDirectory()
        let script = """
            "$0" run --quiet --name guest --root tmpfs --store none --share virtiofs --mount "$PWD:/w" --kernel \(Checkout.kernel) \
              --modules \(Checkout.modules) -- sh -c 'ls /w > /dev/null; echo up; sleep 1000' > out & run=$!
            trap 'kill $run' EXIT
            for try in $(seq 600); do grep -q up out && break; sleep 0.1; done
            pkill -KILL -P $run virtiofsd
            code=0; wait $run || code=$?
            trap - EXIT
            echo $code
            """
        let result = try await MachineSlots.withSlot { try await directory.script(script, argument: Checkout.vm) }
        #expect(result.text == "255\n", "\(result)")
        #expect(result.errors.contains("virtiofsd, which serves \(directory.path), has ended"), "\(result)")
        #expect(result.errors.contains("guest cannot reach its files any more; ending it in 10 s"), "\(result)")
        await directory.expectNothingLeft()
    }

    @Test func aWayThatTheKernelHasNotIsToldOf() async throws {
        let directory = try VMDirectory()
        let result = try await directory.vmRun(["--ephemeral", "--share", "9p"], command: ["true"], name: "guest", isVerbose: false).run()
        #expect(result.code == 255)
        #expect(result.errors.contains("9p"), "\(result)")
        await directory.expectNothingLeft()
    }
}
