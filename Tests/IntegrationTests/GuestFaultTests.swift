import ControlProtocol
import Foundation
import Testing

/// What a guest may do to itself while the agent goes on answering. One guest, one fault after the other: what one leaves behind
/// would be seen in the next.
@Suite(.machine("--store", "none"), .serialized, .tellsStory) struct GuestFaultTests {
    /// The serving process of the agent.
    private func agent() async throws -> String { try await Machine.shared.agent() }

    @Test func aSecondAgentIsRefusedAndTheFirstGoesOn() async throws {
        let machine = try Machine.shared
        let agent = try await agent()
        for _ in 0..<4 {
            let second = try await machine.sh("vm-agent connect")
            #expect(second.code == 1, "\(second)")
            #expect(second.errors.hasPrefix("vm-agent: another vm-agent serves this guest already"), "\(second)")
        }
        let other = try await machine.sh("vm-agent init")
        #expect(other.code == 64 && other.errors.contains("'init' is for PID 1"), "\(other)")
        #expect(try await machine.status()?.links.count == 2)
        #expect(try await self.agent() == agent)
    }

    /// The link ends with the serving process, and the guest does not: what follows its log is told, and may begin again.
    @Test func aLogThatEndsBeforeTheGuestDoesSaysSo() async throws {
        let machine = try Machine.shared
        let log = try RunningProgram(machine.directory.vm(["logs", "--kernel", "--follow", machine.name]))
        try await eventually("the kernel's log") { String(decoding: log.output, as: UTF8.self).contains("vm-agent: ") }
        _ = try await machine.sh("kill -KILL \(try await agent())")
        #expect(try await log.waitForEnd() == 255)
        #expect(log.errors.contains("vm: the link to 'guest' was lost"), "\(log.errors)")
        _ = try await machine.waitUntil("to have its links again") { $0.links.count == 2 && $0.state == .ready }
    }

    @Test func ofAllProcessesTheAgentIsTheLastToBeKilledForMemory() async throws {
        let machine = try Machine.shared
        let agent = try await agent()
        #expect(try await machine.output(of: "cat /proc/\(agent)/oom_score_adj") == "-1000")
        #expect(try await machine.output(of: "cat /proc/self/oom_score_adj") == "0", "its children are as any other")
        for _ in 0..<2 {
            // Takes all memory: a line without an end.
            let hog = try await machine.sh("exec tail -n 1 /dev/zero")
            #expect(hog.code == 137, "\(hog)")
        }
        #expect(try await machine.output(of: "dmesg | grep -c 'Out of memory: Killed process'").first != "0")
        #expect(try await self.agent() == agent)
        #expect(try await machine.status()?.links.count == 2)
    }

    @Test func aForkBombLeavesRoomForTheAgentAndForWhoeverEndsIt() async throws {
        let machine = try Machine.shared
        let agent = try await agent()
        // A shell ends when it cannot fork; the session goes on, so that it can be found and killed.
        let bomb = "sh -c 'bomb() { bomb | bomb & bomb; }; while :; do bomb; done'; exec sleep 1000"
        let session = try await machine.exec(["sh", "-c", bomb], options: ["--detach"]).lines.first ?? ""
        try await Task.sleep(for: .seconds(5))
        // A new session starts, and knows what to do.
        let seen = try await machine.exec(["cat", "/proc/loadavg"])
        #expect(seen.code == 0, "\(seen)")
        let count = seen.text.split(separator: " ").dropFirst(3).first?.split(separator: "/").last.flatMap { Int($0) } ?? 0
        #expect(count > 300, "it was no bomb: \(seen.text)")
        #expect(try await machine.directory.vm(["ps"]).run().text.contains("ready"))
        let listed = try await machine.directory.vm(["sessions", machine.name]).run()
        #expect(listed.code == 0 && listed.text.contains("bomb"), "\(listed)")
        #expect(try await machine.directory.vm(["kill", machine.name, session, "--signal", "KILL"]).run().code == 0)
        try await eventually("the bomb to be over") {
            _ = try await machine.exec(["killall", "-9", "sh"])
            return try await machine.exec(["sh", "-c", "echo $(ls -d /proc/[0-9]* | wc -l)"]).text.split(separator: "\n").first
                .flatMap { Int($0) }.map { $0 < 200 } ?? false
        }
        #expect(try await self.agent() == agent)
    }

    @Test func aClockThatJumpsMovesNoDeadline() async throws {
        let machine = try Machine.shared
        let links = try await machine.status()?.links.map(\.id)
        let limited = try RunningProgram(machine.directory.vm(["exec", "--timeout", "8", machine.name, "--", "sleep", "1000"]))
        for date in ["2040-01-01 00:00", "1990-01-01 00:00", "2026-11-28 12:00"] {
            _ = try await machine.output(of: "date -s '\(date)'")
            try await Task.sleep(for: .seconds(1))
            #expect(limited.code == nil, "\(limited.errors)")
        }
        let start = ContinuousClock.now
        #expect(try await limited.waitForEnd() == 124)
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(try await machine.status()?.links.map(\.id) == links, "no link was given up")
    }

    @Test func anInterfaceThatIsRenamedAndReaddressedIsAnotherWayToTheHost() async throws {
        let machine = try Machine.shared
        _ = try await machine.waitUntil("to have two links") { $0.links.count == 2 }
        for change in [
            "ip link set eth0 down; ip link set eth0 name lan0; ip link set lan0 up",
            "ip link set lan0 down; ip link set lan0 name eth0; ip link set eth0 up",
            // What a DHCP client does that is given another address.
            "ip addr flush dev eth0; ip addr add 10.0.2.77/24 dev eth0", "ip addr flush dev eth0; ip addr add 10.0.2.15/24 dev eth0",
        ] {
            let old = Set(try await machine.status()?.links.map(\.id) ?? [])
            _ = try await machine.output(of: change)
            #expect(try await machine.output(of: "echo still here") == "still here")
            // A link that has lost its way is found out within 15 s, and made again.
            if change.contains("addr") {
                _ = try await machine.waitUntil("to have another link") { !Set($0.links.map(\.id)).isSubset(of: old) }
            }
            _ = try await machine.waitUntil("to have two links") { $0.links.count == 2 }
        }
    }

    @Test func anAgentThatIsStoppedForLongerThanALinkLivesComesBack() async throws {
        let machine = try Machine.shared
        let agent = try await agent()
        let session = try await machine.exec(["sh", "-c", "sleep 40; echo woken; exit 5"], options: ["--detach"]).lines.first ?? ""
        // Detached, since the end of a command could not be told meanwhile.
        let stop = "sleep 1; kill -STOP \(agent); sleep 30; kill -CONT \(agent)"
        #expect(try await machine.exec(["sh", "-c", stop], options: ["--detach"]).code == 0)
        _ = try await machine.waitUntil("to have lost its links") { $0.links.isEmpty }
        _ = try await machine.waitUntil("to have them again") { $0.links.count == 2 && $0.state == .ready }
        #expect(try await self.agent() == agent)
        let attached = try await machine.directory.vm(["attach", machine.name, session]).run()
        #expect(attached.code == 5 && attached.text == "woken\n", "\(attached)")
    }
}

/// The proxy gone: the launcher is stopped meanwhile, because it would start another one.
@Suite(.tellsStory) struct ProxyGoneTests {
    @Test func aGuestWhoseProxyWasGoneForLongIsReachedWithinSeconds() async throws {
        try await withMachine(["--store", "none"]) { machine in
            try await machine.waitUntilReady()
            let before = try await machine.waitUntil("to tell of its memory") { $0.agent != nil }
            let session = try await machine.exec(["sh", "-c", "sleep 20; echo done"], options: ["--detach"]).lines.first ?? ""
            let agentsTime = "awk '{ print $14 + $15 }' /proc/\(try await machine.agent())/stat"
            let timeBefore = Int(try await machine.output(of: agentsTime)) ?? .max
            kill(machine.launcher.identifier, SIGSTOP)
            kill(try await machine.directory.proxyStatus().pid, SIGKILL)
            try await Task.sleep(for: .seconds(Soak.isWanted ? 3_600 : 20))
            kill(machine.launcher.identifier, SIGCONT)
            let start = ContinuousClock.now
            let back = try await machine.waitUntil("to be back") { $0.links.count == 2 && $0.agent != nil }
            #expect(ContinuousClock.now - start < .seconds(30))
            let attached = try await machine.directory.vm(["attach", machine.name, session]).run()
            #expect(attached.code == 0 && attached.text == "done\n", "\(attached)")
            // Trying for long costs next to no time, and no memory that adds up.
            let time = (Int(try await machine.output(of: agentsTime)) ?? .max) - timeBefore
            #expect(time < (Soak.isWanted ? 18_000 : 300), "the agent has run for \(time) hundredths of a second")
            let (old, new) = (before.agent?.memoryBytes ?? 0, back.agent?.memoryBytes ?? .max)
            #expect(new < old + 1 << 20, "\(old) bytes before, \(new) after")
        }
    }
}

/// In a guest of its own: where process ids have been used up before, the kernel gives out fewer of them again.
@Suite(.tellsStory) struct ProcessTableTests {
    @Test func aFullProcessTableIsSaidAndTheGuestCanStillBeSeen() async throws {
        try await withMachine(["--ephemeral"]) { machine in
            try await machine.waitUntilReady()
            let limit = try await machine.output(of: "cat /proc/sys/kernel/pid_max")
            // All that the kernel allows, beside what runs: then not even the agent can start anything.
            let fill = "echo 301 > /proc/sys/kernel/pid_max; sh -c 'while sleep 1000 & do :; done'; exec sleep 1000"
            let session = try await machine.exec(["sh", "-c", fill], options: ["--detach"]).lines.first ?? ""
            let failure = try await eventually("the table to be full") {
                let result = try await machine.exec(["true"])
                return result.code == 0 ? nil : result
            }
            #expect(failure.code == 126, "\(failure)")
            #expect(failure.errors.contains("cannot start a process in the guest: Resource temporarily unavailable"), "\(failure)")
            #expect(failure.errors.contains("'vm sessions' and 'vm kill' need none"), "\(failure)")
            #expect(try await machine.directory.vm(["ps"]).run().text.contains("ready"))
            #expect(try await machine.directory.vm(["sessions", machine.name]).run().text.contains("sleep 1000"))
            #expect(try await machine.directory.vm(["kill", machine.name, session, "--signal", "KILL"]).run().code == 0)
            try await eventually("room for a process") { try await machine.sh("echo \(limit) > /proc/sys/kernel/pid_max").code == 0 }
        }
    }
}
