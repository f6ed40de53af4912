import ControlProtocol
import Foundation
import HostTools
import ProxyClient
import Testing

/// `vm-proxy` as a program: what it makes in its directory, and what it leaves there.
@Suite(.tellsStory) struct ProxyLifeTests {
    @Test func aProxyThatWasKilledIsReplacedAndTheLinkMadeAgain() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            let session = try RunningProgram(machine.directory.vm(["exec", machine.name, "--", "sh", "-c", "echo begun; sleep 1000"]))
            try await eventually("the session to begin") { session.output == Array("begun\n".utf8) }
            // A copy of what never comes.
            let script = "mkfifo never; exec \"\(Checkout.vm)\" cp - \(machine.name):never 0<>never"
            let copy = try RunningProgram(machine.directory.program("/bin/sh", ["-c", script]))
            _ = try await machine.waitUntil("to have both") { $0.sessions == 2 }
            let killed = try await machine.directory.proxyStatus().pid
            kill(killed, SIGKILL)

            // Who was in the guest is told; who comes later is served.
            #expect(try await session.waitForEnd() == 255)
            #expect(session.errors.contains("the link to guest 'guest' ended before the command did"), "\(session.errors)")
            #expect(try await copy.waitForEnd() == 255)
            #expect(copy.errors.contains("the link to guest 'guest' ended before the copy was complete"), "\(copy.errors)")
            let answer = try await eventually("the guest to be entered again") {
                let result = try await machine.exec(["echo", "here again"])
                return result.code == 0 ? result.text : nil
            }
            #expect(answer == "here again\n")
            #expect(try await machine.directory.proxyStatus().pid != killed)
            let status = try await machine.waitUntil("to be ready again") { $0.state == .ready }
            #expect(status.links.count == 1)
            #expect(status.steps.contains { $0.name == "mount-root" }, "the boot's history comes with the new link")
            #expect(try await machine.socat("echo and here\n").text == "and here\n")
        }
    }

    @Test func sigtermEndsItAndRemovesWhatItMade() async throws {
        let directory = try VMDirectory()
        let proxy = try await startProxy(in: directory)
        for name in [ControlSocket.name, ControlSocket.linksName] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory.file(name))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        let guest = try ProxyClient(directory: directory.path).register("guest", token: [])
        #expect(FileManager.default.fileExists(atPath: directory.file("guest.socket")))
        proxy.signal(SIGTERM)
        #expect(try await proxy.waitForEnd() == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
        withExtendedLifetime(guest) {}
    }

    @Test func aSecondProxyInADirectoryIsRefusedAndTheFirstLivesOn() async throws {
        let directory = try VMDirectory()
        let first = try await startProxy(in: directory)
        let second = try await directory.program(Checkout.proxy, ["--directory", directory.path]).run()
        #expect(second.code == 1)
        #expect(second.errors.contains("vm-proxy: a vm-proxy is already running in \(directory.path)"), "\(second)")
        #expect(try await directory.proxyStatus().pid == first.identifier)
        first.signal(SIGTERM)
        try await first.waitForEnd()
    }

    @Test func aDeadRunsSocketFileIsReplaced() async throws {
        let directory = try VMDirectory()
        let first = try await startProxy(in: directory)
        let lost = try ProxyClient(directory: directory.path).register("guest", token: [])
        first.signal(SIGKILL)
        try await first.waitForEnd()
        withExtendedLifetime(lost) {}
        let files = [ControlSocket.linkSocketName(of: "guest"), ControlSocket.linksName, "guest.socket", ControlSocket.name]
        #expect(directory.leftFiles().sorted() == files, "left behind by the kill")

        let second = try await startProxy(in: directory)
        let guest = try ProxyClient(directory: directory.path).register("guest", token: [])
        #expect(try await directory.guests().map(\.name) == ["guest"])
        second.signal(SIGTERM)
        try await second.waitForEnd()
        withExtendedLifetime(guest) {}
        await directory.expectNothingLeft()
    }

    @Test func aLiveProgramsSocketFileIsNeverReplaced() async throws {
        let directory = try VMDirectory()
        // -U: it only sends, and so cannot take a client's end of input for the end of its own. From a file, so that nothing hangs on
        // when a program that it started ends.
        try Data("mine\n".utf8).write(to: URL(fileURLWithPath: directory.file("mine")))
        let path = directory.file("guest.socket")
        let owner = try RunningProgram(directory.program("/usr/bin/socat", ["-U", "UNIX-LISTEN:\(path),fork", "OPEN:mine,rdonly"]))
        try await eventually("socat to listen") { isListening(path) }
        let proxy = try await startProxy(in: directory)
        let error = #expect(throws: ProxyClientError.self) {
            _ = try ProxyClient(directory: directory.path).register("guest", token: [])
        }
        let cause = "\(path) is in use by another program"
        #expect(error?.description.contains(cause) == true, "\(String(describing: error))")
        #expect(try await directory.socat("guest.socket", input: "").run().text == "mine\n")
        proxy.signal(SIGTERM)
        try await proxy.waitForEnd()
        owner.signal(SIGTERM)
        try await owner.waitForEnd()
    }

    @Test func aDirectoryThatIsMissingOrTooDeepIsRefused() async throws {
        let directory = try VMDirectory()
        let missing = try await directory.program(Checkout.proxy, ["--directory", "nowhere"]).run()
        #expect(missing.code == 1)
        #expect(missing.errors.contains("cannot use the directory \(directory.path)/nowhere: No such file or directory"), "\(missing)")

        let deep = directory.file(String(repeating: "d", count: 100))
        try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: false)
        let tooDeep = try await directory.program(Checkout.proxy, ["--directory", deep]).run()
        #expect(tooDeep.code == 1)
        #expect(tooDeep.errors.contains("use a directory with a shorter path"), "\(tooDeep)")
        #expect(try await directory.program(Checkout.proxy, ["--nonsense"]).run().code == 64)
    }

    // MARK: Steps

    private func startProxy(in directory: VMDirectory) async throws -> RunningProgram {
        let proxy = try RunningProgram(directory.program(Checkout.proxy, ["--directory", directory.path]))
        try await eventually("vm-proxy to serve") { proxy.code != nil || proxy.errors.contains("serving \(directory.path)") }
        return proxy
    }
}
