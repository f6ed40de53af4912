import ControlProtocol
import Foundation
import Testing

/// What the guest sees of a made-up store, and what it may do to it. The store is no Nix store, and the guest has no init:
/// the agent stays PID 1.
@Suite(.tellsStory) struct StoreTests {
    @Test func symlinksAndModesAreTheHostsOwn() async throws {
        let store = try MadeUpStore()
        try await withMachine(["--store", store.path]) { machine in
            try await machine.waitUntilReady()
            let list = "cd /nix/store; find . ! -name . -exec stat -c '%A %a %N' {} + | sort -k 3"
            let inGuest = try await machine.output(of: list)
            let onHost = try await machine.directory.script("busybox sh -c \"\(list.replacing("/nix/store", with: store.path))\"")
            #expect(inGuest.split(separator: "\n").map(String.init) == onHost.lines)

            #expect(try await machine.output(of: "readlink /nix/store/absolute") == "/nix/store/data")
            #expect(try await machine.output(of: "cat /nix/store/relative /nix/store/absolute /nix/store/secret") == "data\ndata\nsecret")
            #expect(try await machine.sh("cat /nix/store/dangling").code == 1)
            #expect(try await machine.output(of: "/nix/store/program") == "it runs")
            #expect(try await machine.output(of: "cat '/nix/store/odd names/ä b:c?*\"'") == "odd")

            try await expectReadOnly(machine)
        }
        #expect(try store.unchanged())
    }

    /// Not even after the guest's root has tried what root can.
    private func expectReadOnly(_ machine: Machine) async throws {
        for path in ["/nix/store", "/hostfs/nix/store"] {
            let attempts = ["touch \(path)/new", "rm \(path)/data", "echo more >> \(path)/data", "chmod 777 \(path)/program"]
            for attempt in attempts {
                let result = try await machine.sh(attempt)
                #expect(result.code == 1, "\(attempt): \(result)")
                #expect(result.errors.contains("Read-only file system"), "\(attempt): \(result)")
            }
            let remounted = try await machine.sh("mount -o remount,rw \(path); touch \(path)/new")
            #expect(remounted.code == 1, "\(remounted)")
        }
    }

    @Test func aWritableStoreIsTheGuestsAloneToChange() async throws {
        let store = try MadeUpStore()
        try await withMachine(["--store", store.path, "--writable-store"]) { machine in
            try await machine.waitUntilReady()
            let script = """
                set -e; cd /nix/store
                mkdir new; echo added > new/file; ln -s new/file link
                echo more >> data; rm secret; chmod 700 program; mv relative moved
                cat link data; ls
                """
            let listing = ["absolute", "dangling", "data", "directory", "link", "moved", "new", "odd names", "program", "setuid"]
            #expect(try await machine.output(of: script) == (["added", "data", "more"] + listing).joined(separator: "\n"))
            // The layer below stays what the host has.
            let below = "cd /hostfs/nix/store; cat data; ls secret"
            #expect(try await machine.output(of: below) == "data\nsecret")
        }
        #expect(try store.unchanged())
    }

    @Test func aStoreThatIsKeptOnTheDiskHasAtTheNextStartWhatWasAdded() async throws {
        let directory = try VMDirectory()
        let options = ["--system", Checkout.system, "--writable-store-on", "disk"]
        let added = try await withMachine(options, in: directory) { machine in
            try await machine.waitUntilReady()
            let path = try await machine.output(of: "echo added >/tmp/made-in-guest; nix-store --add /tmp/made-in-guest 2>/dev/null")
            #expect(path.hasPrefix("/nix/store/"))
            #expect(try await machine.powerOff().runCode == 0)
            return path
        }
        #expect(!FileManager.default.fileExists(atPath: added), "the host's store has it")
        try await withMachine(options, in: directory) { machine in
            let status = try await machine.waitUntilReady()
            #expect(status.warnings == [])
            #expect(status.steps.first { $0.name == "overlay-store" }?.detail == "/nix/.rw-store over /nix/store")
            #expect(try await machine.output(of: "cat \(added)") == "added")
            // The registration was loaded into the database that was there, which has forgotten nothing.
            let verified = try await machine.sh("nix-store --verify && nix-store --check-validity \(added) \(Checkout.system)")
            #expect(verified.code == 0, "\(verified)")
            #expect(!verified.errors.contains("disappeared"), "\(verified)")
        }
        await directory.expectNothingLeft()
    }
}

/// A tree with everything whose look a share could change.
final class MadeUpStore: Sendable {
    private let folder: TemporaryFolder
    private let original: [String]
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.makeDirectory("store")
        try folder.write("store/data", "data\n")
        try folder.write("store/secret", "secret\n", mode: 0o600)
        try folder.write("store/program", "#!/run/vm-agent/bin/sh\necho it runs\n", mode: 0o755)
        try folder.write("store/setuid", "a set-uid bit is data\n", mode: 0o4755)
        try folder.write("store/directory/private/file", "deep\n", mode: 0o444)
        try folder.write("store/odd names/ä b:c?*\"", "odd\n")
        guard chmod(folder.file("store/directory/private"), 0o700) == 0 else { throw CocoaError(.fileWriteNoPermission) }
        try folder.link("store/relative", to: "data")
        try folder.link("store/absolute", to: "/nix/store/data")
        try folder.link("store/dangling", to: "/nowhere/at/all")
        original = try Self.look(at: path)
    }

    /// Whether the host still has what it had.
    func unchanged() throws -> Bool { try Self.look(at: path) == original }

    private static func look(at path: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted().map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            let content = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
            let mode = attributes[.posixPermissions] as? Int ?? -1
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/\(name)")) ?? ""
            return "\(name) \(mode) \(target) \(Array(content))"
        }
    }
}
