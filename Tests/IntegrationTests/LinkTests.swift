import ControlProtocol
import Foundation
import Testing

/// The ways into a guest: ports, logs, several links, and what is left when one or all of them are gone.
@Suite(.machine("--store", "none"), .tellsStory) struct LinkTests {
    // MARK: Forwards

    /// A web server in the guest, which serves one page.
    func serve(_ port: Int) async throws {
        _ = try await Machine.shared.output(of: "mkdir -p /www && seq 100000 > /www/page && httpd -p 127.0.0.1:\(port) -h /www")
    }

    @Test func aPortOfTheGuestIsReachedFromTheHost() async throws {
        let machine = try Machine.shared
        try await serve(8001)
        let forward = try RunningProgram(machine.directory.vm(["forward", machine.name, "0:8001"]))
        let port = try await eventually("the forward to listen") {
            String(decoding: forward.output, as: UTF8.self).split(separator: " ").first?.split(separator: ":").last.map(String.init)
        }
        let page = try await machine.directory.script(
            "for i in 1 2 3 4; do printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | socat -t60 - TCP:127.0.0.1:$0 | tail -1 & done; wait",
            argument: port)
        #expect(page.lines == ["100000", "100000", "100000", "100000"])
        forward.signal(SIGINT)
        #expect(try await forward.waitForEnd() == 0, "Ctrl-C is how a forward ends")
        #expect(forward.errors == "")
    }

    @Test func aPortIsJoinedToTheStandardStreams() async throws {
        let machine = try Machine.shared
        try await serve(8002)
        let answer = try await machine.directory.vm(
            ["forward", machine.name, "--stdio", "8002"], input: Array("GET /page HTTP/1.0\r\n\r\n".utf8)
        ).run()
        #expect(answer.code == 0 && answer.lines.last == "100000", "\(answer)")
        let closed = try await machine.directory.vm(["forward", machine.name, "--stdio", "8099"]).run()
        #expect(closed.code == 255, "\(closed)")
        #expect(closed.errors.contains("cannot connect to localhost:8099 in the guest: Connection refused"), "\(closed)")
    }

    // MARK: Logs and state

    @Test func theLogHasTheBootsStepsAndTheConsole() async throws {
        let machine = try Machine.shared
        let log = try await machine.directory.vm(["logs", machine.name]).run()
        #expect(log.code == 0)
        #expect(log.text.contains("== ") && log.text.contains("mount-root") && log.text.contains("ready"), "\(log)")
        _ = try await machine.output(of: "echo 'written by hand' > /dev/console")
        try await eventually("the console's line in the log") {
            let console = try await machine.directory.vm(["logs", "--console", machine.name]).run()
            return console.lines.contains("written by hand") && !console.text.contains("== ")
        }
        let steps = try await machine.directory.vm(["logs", "--steps", machine.name]).run()
        #expect(steps.text.contains("mount-root") && !steps.text.contains("Linux version"), "\(steps)")
        let kernel = try await machine.directory.vm(["logs", "--kernel", machine.name]).run()
        #expect(kernel.text.contains("Linux version"), "\(kernel)")
        let unknown = try await machine.directory.vm(["logs", "gesut"]).run()
        #expect(unknown.code == 255 && unknown.errors.contains("guest"), "\(unknown)")
    }

    @Test func theStateTellsOfLinksAndOfTheAgent() async throws {
        let status = try await Machine.shared.waitUntil("to report the agent's memory") { $0.agent != nil && $0.links.count == 2 }
        #expect(Set(status.links.map(\.transport)) == ["guestfwd", "virtio-serial"])
        #expect(status.agent.map { (100 << 10...50 << 20).contains($0.memoryBytes) } == true)
    }
}

/// Each of these takes a guest's links away, so each has a guest of its own.
@Suite(.tellsStory) struct LinkLossTests {
    @Test func aGuestWithoutItsNetworkIsStillReached() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            _ = try await machine.waitUntil("to have two links") { $0.links.count == 2 }
            _ = try await machine.output(of: "ip link set eth0 down")
            #expect(try await machine.output(of: "echo still here") == "still here")
            _ = try await machine.waitUntil("to lose the link over its network") { $0.links.map(\.transport) == ["virtio-serial"] }
            _ = try await machine.output(of: "ip link set eth0 up")
            _ = try await machine.waitUntil("to have that link again") { $0.links.count == 2 }
        }
    }

    @Test func aDetachedSessionOutlivesTheProxy() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            let script = "echo begun; until test -e /tmp/go; do sleep 0.1; done; echo went on; exit 4"
            let started = try await machine.exec(["sh", "-c", script], options: ["--detach"])
            let session = started.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let killed = try await machine.directory.proxyStatus().pid
            kill(killed, SIGKILL)
            try await eventually("the guest to be entered again") { try await machine.sh("touch /tmp/go").code == 0 }
            #expect(try await machine.directory.proxyStatus().pid != killed)
            let attached = try await machine.directory.vm(["attach", machine.name, session]).run()
            #expect(attached.code == 4 && attached.text == "begun\nwent on\n", "\(attached)")
        }
    }
}
