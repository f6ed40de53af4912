import AgentProtocol
import CLinux
import LinuxSystem
import Testing

@testable import GuestSessions

@Suite(.timeLimit(.minutes(2)), .serialized) struct DetachedTests {
    @Test func itOutlivesItsClientAndItsLinkAndIsReadOnce() throws {
        let guest = try Guest()
        let session = try guest.detach("echo out; echo err >&2; sleep 0.2; echo late; exit 5")
        guest.loseLink()
        try guest.run { try guest.sessions().first?.end != nil }
        let client = try guest.attach(session)
        try guest.run { client.isFinished }
        #expect(client.output == "out\nlate\n")
        #expect(client.errors == "err\n")
        #expect(client.end == .exited(5))
        #expect(try guest.sessions().isEmpty)
        let late = try guest.attach(session)
        try guest.run { late.isFinished }
        #expect(late.frames.map(\.type) == [.failed])
        #expect(late.frames[0].text.contains("\(session)"))
    }

    @Test func theLastOutputIsReplayedAndWhatWasMissedIsTold() throws {
        let guest = try Guest()
        let session = try guest.detach("seq 200000; echo done >&2")
        try guest.run { try guest.sessions().first?.end != nil }
        let client = try guest.attach(session)
        try guest.run { client.isFinished }
        let expected = (1...200_000).map { "\($0)\n" }.joined()
        #expect(client.frames.map(\.type).prefix(1) == [.started])
        #expect(!client.frames.contains { $0.type == .skipped }, "the beginning was never this client's to miss")
        #expect(client.payload(of: .standardOutput).count + 5 == SessionLog.capacity)
        #expect(expected.hasSuffix(client.output))
        #expect(client.errors == "done\n")
    }

    @Test func severalClientsSeeTheSameAndTheFirstWrites() throws {
        let guest = try Guest()
        let session = try guest.detach("cat; echo end")
        let clients = try (0..<3).map { _ in try guest.attach(session, wantsInput: true) }
        try guest.run { clients.allSatisfy { $0.start != nil } }
        #expect(clients.map { $0.start?.isWriter } == [true, false, false])
        clients[1].send(.standardInput, Array("not mine\n".utf8))
        clients[1].send(.endOfInput)
        clients[0].send(.standardInput, Array("first\n".utf8))
        try guest.run { clients.allSatisfy { $0.output == "first\n" } }
        clients[0].vanish()
        try guest.run { clients[1].frames.contains { $0.type == .writer } }
        clients[1].send(.standardInput, Array("second\n".utf8))
        clients[1].send(.endOfInput)
        try guest.run { clients[1].isFinished && clients[2].isFinished }
        #expect(clients[2].output == "first\nsecond\nend\n")
        #expect(clients[1].end == .exited(0) && clients[2].end == .exited(0))
    }

    @Test func aWriterThatOnlyFinishedLeavesTheInputOpen() throws {
        let guest = try Guest()
        let session = try guest.detach("read a; read b; echo $a$b")
        let first = try guest.attach(session, wantsInput: true)
        let second = try guest.attach(session, wantsInput: true)
        first.send(.standardInput, Array("1\n".utf8))
        first.finish()
        try guest.run { second.frames.contains { $0.type == .writer } }
        second.send(.standardInput, Array("2\n".utf8))
        try guest.run { first.isFinished && second.isFinished }
        #expect(first.output == "12\n" && second.output == "12\n")
    }

    @Test func withoutAClientItNeverWaits() throws {
        let guest = try Guest()
        let session = try guest.detach("head -c 20000000 /dev/zero; echo end")
        try guest.run { try guest.sessions().first?.end != nil }
        let client = try guest.attach(session)
        try guest.run { client.isFinished }
        #expect(client.payload(of: .standardOutput).count == SessionLog.capacity)
        #expect(client.output.hasSuffix("end\n"))
    }

    @Test func aClientThatTakesItsTimeMissesNothing() throws {
        let guest = try Guest()
        let session = try guest.detach("read go; seq 300000", { $0.wantsInput = true })
        let client = try guest.attach(session, wantsInput: true)
        client.takes = false
        client.send(.standardInput, Array("go\n".utf8))
        try guest.run { client.payload(of: .standardOutput).count > 250_000 }
        #expect(try guest.sessions().first?.end == nil, "it waits for its client")
        client.takes = true
        try guest.run { client.isFinished }
        #expect(client.output == (1...300_000).map { "\($0)\n" }.joined())
    }

    @Test func aClientThatTakesNothingIsLeftBehindAndToldWhatItMissed() throws {
        let guest = try Guest()
        let session = try guest.detach("read go; head -c 3000000 /dev/zero; echo end")
        let client = try guest.attach(session, wantsInput: true)
        client.takes = false
        client.send(.standardInput, Array("go\n".utf8))
        try guest.run { client.payload(of: .standardOutput).count > 250_000 }
        guest.clockAdvance = 6_000_000
        try guest.run { try guest.sessions().first?.end != nil }
        client.takes = true
        try guest.run { client.isFinished }
        let skipped = try client.frames.filter { $0.type == .skipped }.map { try SkippedOutput.decode($0.payload) }
        #expect(!skipped.isEmpty)
        #expect(UInt64(client.payload(of: .standardOutput).count) + skipped.reduce(0, +) == 3_000_004)
        #expect(client.output.hasSuffix("end\n"))
    }

    @Test func theListSaysWhatRunsAndWhatEnded() throws {
        let guest = try Guest()
        let raw = try guest.open(.shell)
        let exec = try guest.shell("sleep 100")
        try guest.run { exec.start != nil && !raw.raw.isEmpty }
        let running = try guest.detach("sleep 100") { $0.terminal = Command.Terminal(size: TerminalSize(), kind: []) }
        let ended = try guest.detach("exit 7")
        let seen = try guest.attach(running)
        try guest.run { try seen.start != nil && guest.sessions().last?.end != nil }
        let list = try guest.sessions()
        #expect(list.map(\.kind) == [.shell, .exec, .detached, .detached])
        #expect(list.map(\.session).suffix(2) == [running, ended])
        #expect(list.map(\.end) == [nil, nil, nil, .exited(7)])
        #expect(list.map(\.isTerminal) == [false, false, true, false])
        #expect(list.map(\.clients) == [1, 1, 1, 0])
        #expect(list[1].command == ["sh", "-c", "sleep 100"].map { Array($0.utf8) })
        #expect(list[1].user == Array("root".utf8))
        #expect(list[1].process == exec.start?.process)
        guest.loseLink()
        let killer = try guest.open(.kill)
        killer.send(.kill, KillRequest(session: running).encoded())
        try guest.run { try killer.isFinished && guest.sessions().allSatisfy { $0.end != nil } }
        #expect(killer.frames.map(\.type) == [.done])
    }

    @Test(arguments: [UInt8(0), 15, 9]) func aSessionIsKilledWithItsWholeGroup(signal: UInt8) throws {
        let guest = try Guest()
        let session = try guest.detach("sleep 100 & sleep 100 & echo $$; wait")
        let client = try guest.attach(session)
        try guest.run { client.output.hasSuffix("\n") }
        let killer = try guest.open(.kill)
        killer.send(.kill, KillRequest(session: session, signal: signal).encoded())
        try guest.run { client.isFinished && killer.isFinished }
        #expect(client.end == .signaled(signal == 0 ? 15 : signal))
        let leader = try #require(pid_t(client.output.split(separator: "\n")[0]))
        try guest.run { linux_group_has_others(leader) == 0 }
        let late = try guest.open(.kill)
        late.send(.kill, KillRequest(session: session).encoded())
        try guest.run { late.isFinished }
        #expect(late.frames.map(\.type) == [.failed])
    }

    @Test func aDetachedCommandThatCannotRunSaysSo() throws {
        let guest = try Guest()
        var command = Command(arguments: [Array("nosuch".utf8)])
        command.isDetached = true
        let client = try guest.exec(command)
        try guest.run { client.isFinished }
        guard case .notStarted(127, _)? = client.end else {
            Issue.record("\(String(describing: client.end))")
            return
        }
    }

    @Test func theSixtyFourNewestEndsAreRemembered() throws {
        let guest = try Guest()
        var ids: [UInt64] = []
        for index in 0..<70 {
            ids.append(try guest.detach("exit \(index)"))
            try guest.run { try guest.sessions().last?.end != nil }
        }
        let list = try guest.sessions()
        #expect(list.map(\.session) == ids.suffix(64))
        #expect(list.first?.end == .exited(6))
    }

    @Test func theTimeOfADetachedSessionIsOverToo() throws {
        let guest = try Guest()
        let session = try guest.detach("sleep 100") { $0.timeout = 100 }
        let client = try guest.attach(session)
        try guest.run { client.isFinished }
        #expect(client.end == .timedOut)
    }
}
