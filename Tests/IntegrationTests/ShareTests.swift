import Foundation
import HostShares
import Testing

/// The ways in which the host's files reach a guest show it the same.
@Suite(.tellsStory) struct ShareTests {
    /// The ways to share directories that work here: virtiofsd needs root.
    static let directoryKinds = ["cifs", "9p"] + (geteuid() == 0 ? ["virtiofs"] : [])
    static let kinds = directoryKinds + ["image"]
    /// Those that have no limit of files below 100,000 here.
    static let roomyKinds = kinds.filter { $0 != "virtiofs" || OpenFileLimit.ofThisProcess().isEnough }

    /// What makes `vm run` share in the way `kind`.
    static func options(_ kind: String) -> [String] {
        ["--share", kind] + (kind == "9p" ? ["--kernel", Checkout.fullKernel, "--modules", Checkout.fullModules] : [])
    }

    @Test(arguments: kinds) func everyShareKeepsWhatFilesAre(kind: String) async throws {
        // All of it is written into an image.
        let isHuge = kind != "image" || Soak.isWanted
        let size = (isHuge ? 4 << 30 : 64 << 20) + 1
        let store = try MadeUpStore()
        let directory = try VMDirectory()
        try await directory.script(
            """
            cd "$0"; mkdir many; (cd many; seq 5000 | xargs touch); ln data hardlink
            touch "$(printf 'bytes \\303\\244')" ' leading' 'trailing ' "quote'\\"\\\\" 'new
            line'
            truncate -s \(size) large; printf end | dd of=large bs=1 seek=\(size - 3) conv=notrunc 2>/dev/null
            """, argument: store.path)
        try await withMachine(["--store", store.path] + Self.options(kind), in: directory) { machine in
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
                try await machine.output(of: "cd /nix/store; stat -c %s large; dd if=large bs=1 skip=\(size - 3) 2>/dev/null")
                    == "\(size)\nend")

            // Nothing that the guest's root can do makes it writable: the host's side refuses.
            for path in ["/nix/store", "/hostfs/nix/store"] {
                let result = try await machine.sh(
                    "mount -o remount,rw \(path); touch \(path)/new; echo more >>\(path)/data; rm \(path)/secret")
                #expect(result.code == 1, "\(result)")
            }
            #expect(try await machine.output(of: "cat /proc/mounts").contains(kind == "image" ? " erofs " : " \(kind) "))
        }
        #expect(!FileManager.default.fileExists(atPath: store.path + "/new"))
        #expect(FileManager.default.fileExists(atPath: store.path + "/secret"))
        #expect(try String(contentsOfFile: store.path + "/data", encoding: .utf8) == "data\n")
        await directory.expectNothingLeft()
    }

    @Test(arguments: directoryKinds) func aDirectoryThatOthersChangeIsSeenAsItIs(kind: String) async throws {
        let directory = try VMDirectory()
        let file = try directory.privateFile("shared/file", "old\n".utf8)
        let shared = (file as NSString).deletingLastPathComponent
        let options = [
            "--root", "tmpfs", "--store", "none", "--mount", "\(shared):/fixed", "--mount", "\(shared):/open:rw",
        ]
        try await withMachine(Self.options(kind) + options, in: directory) { machine in
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

    /// Some minutes for each kind: `make soak`.
    @Test(.enabled(if: Soak.isWanted), arguments: roomyKinds) func aHundredThousandSmallFilesAreAllThere(kind: String) async throws {
        let directory = try VMDirectory()
        let files = try directory.privateFile("store/0/0", "0\n".utf8)
        let store = ((files as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent
        for group in 0..<100 {
            try FileManager.default.createDirectory(atPath: "\(store)/\(group)", withIntermediateDirectories: true)
            for number in group * 1_000..<(group + 1) * 1_000 {
                try Data("\(number)\n".utf8).write(to: URL(fileURLWithPath: "\(store)/\(group)/\(number)"))
            }
        }
        try await withMachine(["--store", store] + Self.options(kind), in: directory) { machine in
            try await machine.waitUntilReady()
            let script = """
                cd /nix/store; a=$(cut -d. -f1 /proc/uptime); find . -type f | wc -l; b=$(cut -d. -f1 /proc/uptime)
                find . -type f -exec cat {} + | awk '{ sum += $1 } END { print sum }'; c=$(cut -d. -f1 /proc/uptime)
                echo counted in $((b - a)) s, read in $((c - b)) s >&2
                """
            let result = try await directory.vm(["exec", machine.name, "--", "sh", "-c", script]).run(within: .seconds(3_000))
            #expect(result.lines == ["100000", "4999950000"], "\(result)")
            print("\(kind): 100,000 files \(result.errors)")
        }
        await directory.expectNothingLeft()
    }

    /// Which that is, and why, depends on how many files a process may open here.
    @Test(.enabled(if: geteuid() == 0)) func leftToItselfTheFastestIsTakenAndSaid() async throws {
        let limit = OpenFileLimit.ofThisProcess()
        let directory = try VMDirectory()
        try await directory.script("mkdir store; cd store; for d in $(seq 30); do mkdir $d; (cd $d; seq 1000 | xargs touch); done")
        try await withMachine(["--ephemeral", "--share", "auto", "--store", "\(directory.path)/store"], in: directory) { machine in
            try await machine.waitUntilReady()
            let (words, kind) =
                limit.isEnough
                ? ("virtiofs, the fastest way that there is here", "virtiofs")
                : ("CIFS: \(limit.reason), the kernel has no module 9p", "cifs")
            #expect(machine.launcher.errors.contains("sharing files over \(words)"), "\(machine.launcher.errors)")
            #expect(try await machine.output(of: "grep -c ' \(kind) ' /proc/mounts") != "0")
            // More than a process may open where that is limited.
            #expect(try await machine.output(of: "find /nix/store -type f -exec stat -c %s {} + | grep -c '^0$'") == "30000")
        }
        await directory.expectNothingLeft()
    }

    /// A limit of the test's own, so that it is the same everywhere; root could raise it with CAP_SYS_RESOURCE.
    @Test(.enabled(if: geteuid() == 0)) func virtiofsWithFewOpenFilesIsNotTakenAndWarnsWhereItIsWanted() async throws {
        let directory = try VMDirectory()
        let script = """
            mkdir store; (cd store; seq 3000 | xargs touch)
            limited() {
              setpriv --bounding-set -sys_resource --inh-caps -sys_resource prlimit --nofile=2000 "$0" run "$@" --root tmpfs \
                --store "$PWD/store" --kernel \(Checkout.kernel) --modules \(Checkout.modules) -- sh -c "$count" || echo "code $?"
            }
            count='[ $(find /nix/store -type f -exec stat -c %s {} + 2>/dev/null | wc -l) = 3000 ] && echo whole'
            limited --name auto --verbose --share auto; limited --name asked --share virtiofs
            """
        let result = try await MachineSlots.withSlot { try await directory.script(script, argument: Checkout.vm) }
        #expect(result.lines == ["whole", "code 1"], "\(result)")
        let reason = "virtiofsd may open only 2,000 files here"
        #expect(result.errors.contains("sharing files over CIFS: \(reason), the kernel has no module 9p"), "\(result)")
        #expect(result.errors.contains("warning: --share virtiofs: \(reason), and the guest sees no more"), "\(result)")
        await directory.expectNothingLeft()
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
        #expect(result.errors.contains("guest is of no use without it; ending it in 10 s"), "\(result)")
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
