import ControlProtocol
import Foundation
import Testing

/// A server of shares that is not there, slow, dies or lacks something: `docs/faults.md` states each ending.
@Suite(.tellsStory) struct ShareFaultTests {
    private func expectFailure(
        of step: String, saying words: [String], within seconds: UInt64, smbd script: String, _ options: [String] = []
    ) async throws {
        let server = try FakeServer(script)
        try await withMachine(options, environment: server.environment) { machine in
            let status = try await machine.waitUntilFailed()
            #expect(status.detail.hasPrefix("\(step): "), "\(status.detail)")
            for word in words { #expect(status.detail.contains(word), "\(status.detail)") }
            let end = try #require(status.steps.last)
            let time = (end.endMicroseconds ?? .max) - end.startMicroseconds
            #expect(time < seconds * 1_000_000, "it took \(time) us")
            #expect(try await machine.output(of: "echo entered") == "entered")
        }
    }

    @Test func withoutAServerTheMountFailsWithTheKernelsReason() async throws {
        let options = ["--store", "none", "--append", "vm.hostfs=//10.0.2.4/qemu"]
        try await expectFailure(
            of: "mount-host-files", saying: ["cannot mount //10.0.2.4/qemu on /mnt-root/hostfs (cifs): ", "CIFS: ", "smbd"], within: 75,
            smbd: "", options)
    }

    @Test func aServerThatDiesInEveryMountFailsItWithinTheBound() async throws {
        try await expectFailure(
            of: "mount-host-files", saying: ["cannot mount //10.0.2.4/qemu on /mnt-root/hostfs (cifs): "], within: 75,
            smbd: "head -c 60 > /dev/null; exit 1")
    }

    /// Whatever is mounted from it. All at once, since each waits for a minute.
    @Test func aServerThatNeverAnswersIsGivenUpAfterAMinute() async throws {
        let server = try FakeServer("cat > /dev/null; exit 1")
        let directory = try VMDirectory()
        func start(_ name: String, root: String = "tmpfs", _ options: [String]) throws -> RunningProgram {
            var run = directory.vmRun(["--memory", "256", "--root", root] + options, command: ["true"], name: name)
            run.environment.merge(server.environment) { $1 }
            return try RunningProgram(run)
        }
        let root = try start("root", root: "host", [])
        let mount = try start("mount", ["--store", "none", "--mount", "/etc:/mine"])
        let hasty = try start("hasty", ["--store", "none", "--mount", "/etc:/mine", "--boot-timeout", "40"])
        try await expectFailure(
            of: "mount-host-files", saying: ["cannot mount //10.0.2.4/qemu on /mnt-root/hostfs (cifs): not done within 60 s"], within: 75,
            smbd: "cat > /dev/null; exit 1")
        #expect(try await root.waitForEnd() == 255)
        #expect(
            root.errors.contains("cannot mount //10.0.2.4/root on /run/vm-agent/root/host (cifs): not done within 60 s"), "\(root.errors)")
        #expect(try await mount.waitForEnd() == 255)
        #expect(mount.errors.contains("cannot mount //10.0.2.4/mount1 on /mnt-root/mine (cifs): not done within 60 s"), "\(mount.errors)")
        #expect(try await hasty.waitForEnd() == 255)
        #expect(hasty.errors.contains("vm: hasty has not booted within 40 s; 'vm ps --steps' shows where it is"), "\(hasty.errors)")
        await directory.expectNothingLeft()
    }

    /// Answers nobody for the first 30 s, then all who asked meanwhile at once.
    private let wakesLate = """
        now() { date +%s; }
        test -e "$files/began" || now > "$files/began"
        while [ $(now) -lt $(( $(cat "$files/began") + 30 )) ]; do sleep 0.05; done
        """

    @Test func aServerThatTakesHalfAMinuteIsWaitedFor() async throws {
        let server = try FakeServer(wakesLate)
        try await withMachine(environment: server.environment) { machine in
            let status = try await machine.waitUntilReady()
            let step = try #require(status.steps.first { $0.name == "mount-host-files" })
            #expect((step.endMicroseconds ?? 0) - step.startMicroseconds > 25_000_000)
            #expect(machine.launcher.errors.contains("waiting for the server of //10.0.2.4/qemu: "), "progress is shown")
        }
    }

    @Test func aShareWithoutTheStoresPathIsSaid() async throws {
        try await expectFailure(
            of: "mount-host-files",
            saying: [
                "cannot make /mnt-root/hostfs/nix/store to mount //10.0.2.4/store on", "Read-only",
                "; the share that it is in must have the directory",
            ], within: 75, smbd: "rm -rf \"$files/hostfs/nix\"")
    }

    @Test func aShareThatCarriesNoSymlinksIsAWarning() async throws {
        let server = try FakeServer("sed -i 's/^unix extensions = yes/unix extensions = no/' \"$files/samba/smb.conf\"")
        try await withMachine(environment: server.environment) { machine in
            let status = try await machine.waitUntilReady()
            let warning =
                "mount-host-files: //10.0.2.4/qemu, //10.0.2.4/store: the server has no UNIX extensions, so symlinks and modes are lost"
            #expect(status.warnings.first?.hasPrefix(warning) == true, "\(status.warnings)")
        }
    }

    @Test func aServerThatDiesInUseIsReplacedAndTheGuestReadsOn() async throws {
        let server = try FakeServer("if test -e \"$files/../gone\"; then exit 1; fi")
        let store = try MadeUpStore()
        try await withMachine(["--store", store.path], environment: server.environment) { machine in
            try await machine.waitUntilReady()
            #expect(try await machine.output(of: "cat /nix/store/data") == "data")
            killServers(of: machine)
            // Not from the guest's cache: this file was never read.
            #expect(try await machine.output(of: "cat /nix/store/directory/private/file") == "deep")

            // For good: the guest gets an error, within a bound, and its sessions do not notice.
            try Data().write(to: URL(fileURLWithPath: machine.directory.temporary + "/gone"))
            killServers(of: machine)
            let read = try await machine.sh("echo 3 > /proc/sys/vm/drop_caches; timeout 200 cat /nix/store/secret")
            #expect(read.code != 0 && read.text == "", "\(read)")
            #expect(try await machine.output(of: "echo still here") == "still here")
            try FileManager.default.removeItem(atPath: machine.directory.temporary + "/gone")
            let (down, code) = try await machine.powerOff()
            #expect(down.code == 0 && code == 0, "\(down)")
        }
    }

    /// The start of a session reads from the share too: the program, or the directory that it begins in.
    @Test func aSessionThatAServerKeepsWaitingKeepsNobodyElseWaiting() async throws {
        let server = try FakeServer("if test -e \"$files/../gone\"; then cat > /dev/null; exit 1; fi")
        let store = try MadeUpStore()
        try await withMachine(["--store", store.path], environment: server.environment) { machine in
            try await machine.waitUntilReady()
            let pipeline =
                "until [ -e '\(machine.directory.path)/go' ]; do sleep 0.05; done | '\(Checkout.vm)' exec -i \(machine.name) -- cat"
            let reader = try RunningProgram(machine.directory.program("/bin/sh", ["-c", pipeline]))
            _ = try await machine.waitUntil("to have a session") { $0.sessions >= 1 }
            try Data().write(to: URL(fileURLWithPath: machine.directory.temporary + "/gone"))
            killServers(of: machine)
            let exec = ["exec", machine.name, "--"]
            let program = try RunningProgram(machine.directory.vm(exec + ["/nix/store/program"]))
            let inside = ["exec", "--cwd", "/nix/store/directory/private", machine.name, "--", "true"]
            let directory = try RunningProgram(machine.directory.vm(inside))
            let path = ["exec", "--env", "PATH=/nix/store/directory", machine.name, "--", "nothing"]
            let search = try RunningProgram(machine.directory.vm(path))
            let ended = try RunningProgram(machine.directory.vm(["exec", "--timeout", "3"] + path.dropFirst()))
            // In the guest before the next one is.
            _ = try await machine.waitUntil("to have the sessions") { $0.sessions >= 5 }
            for number in 1...3 { #expect(try await machine.output(of: "echo still here \(number)") == "still here \(number)") }
            // The end of its input reaches the one that was there before.
            try Data().write(to: URL(fileURLWithPath: machine.directory.path + "/go"))
            #expect(try await reader.waitForEnd() == 0)
            #expect(
                program.code == nil && directory.code == nil && search.code == nil,
                "what waits for the server has ended before what does not")

            let ends = [
                (program, 126, "/nix/store/program: Host is down"),
                (directory, 126, "cannot enter /nix/store/directory/private in the guest: Host is down"),
                (search, 127, "nothing: command not found in the guest"),
            ]
            for (waiting, code, words) in ends {
                #expect(try await waiting.waitForEnd() == code)
                #expect(waiting.errors.contains(words), "\(waiting.errors)")
            }
            try FileManager.default.removeItem(atPath: machine.directory.temporary + "/gone")
        }
    }

    private func killServers(of machine: Machine) {
        for process in machine.directory.processes() where process.contains(" /usr/sbin/smbd -i") && !process.contains("qemu") {
            if let number = process.split(separator: " ").first.flatMap({ Int32($0) }) { kill(number, SIGKILL) }
        }
    }
}
