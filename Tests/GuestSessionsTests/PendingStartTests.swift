import AgentProtocol
import CLinux
import Glibc
import HostTools
import LinuxSystem
import Testing

@testable import GuestSessions

/// What happens to a session while its process is still to become its program.
@Suite(.timeLimit(.minutes(2)), .serialized) struct PendingStartTests {
    /// A program whose execution waits until it is let go, as that of one on a silent file server: this process holds a lease on it
    /// (fcntl(2), F_SETLEASE), which the kernel asks back for 45 s.
    final class HeldProgram {
        // fcntl(2), as Linux has them.
        private static let setSignal: CInt = 10
        private static let setLease: CInt = 1024
        private let directory: TemporaryDirectory
        private let file: FileDescriptor
        let command: Command

        init() throws {
            directory = try TemporaryDirectory()
            let path = try directory.write("program", "#!/bin/sh\necho late; exec sleep 1000\n", mode: 0o755)
            file = try FileDescriptor.open(path, .read)
            command = Command(arguments: [Array(path.utf8)])
            // In place of SIGIO, which would end this process.
            try #require(fcntl(file.rawValue, Self.setSignal, SIGURG) == 0 && fcntl(file.rawValue, Self.setLease, CInt(F_WRLCK)) == 0)
        }

        func letGo() { _ = fcntl(file.rawValue, Self.setLease, CInt(F_UNLCK)) }

        deinit {
            letGo()
            file.close()
        }
    }

    let program: HeldProgram
    let guest: Guest

    init() throws { (program, guest) = (try HeldProgram(), try Guest()) }

    private func detach() throws -> Guest.Client {
        var command = program.command
        command.isDetached = true
        return try guest.exec(command)
    }

    @Test func itKeepsNobodyWaiting() throws {
        let held = try guest.exec(program.command)
        let quick = try guest.shell("echo here")
        try guest.run { quick.isFinished }
        #expect(quick.output == "here\n")
        #expect(held.output.isEmpty && held.end == nil)
        program.letGo()
        try guest.run { held.output == "late\n" }
        #expect(held.frames.first?.type == .started)
        held.vanish()
        try guest.run { try guest.sessions().isEmpty }
    }

    @Test func whenItsTimeIsOverItCountsAsStarted() throws {
        let held = try guest.exec(program.command)
        guest.clockAdvance = 2_000_000
        try guest.run { held.start != nil }
        #expect(held.frames.map(\.type) == [.started])
        program.letGo()
        try guest.run { held.output == "late\n" }
        held.send(.signal, [9])
        try guest.run { held.isFinished }
        #expect(held.end == .signaled(9))
    }

    @Test func aSignalMeanwhileIsNotLost() throws {
        let held = try guest.exec(program.command)
        held.send(.signal, [15])
        guest.clockAdvance = 2_000_000
        try guest.run { held.isFinished }
        #expect(held.frames.map(\.type) == [.started, .ended])
        #expect(held.end == .signaled(15))
    }

    @Test func signalsKeepTheOrderInWhichTheyCameLast() {
        var start = PendingStart()
        for signal in [SIGSTOP, SIGTERM, SIGCONT, SIGSTOP, SIGCONT] { start.keep(signal) }
        #expect(start.signals == [SIGTERM, SIGSTOP, SIGCONT])
    }

    @Test func aClientThatLeavesMeanwhileTakesItAlong() throws {
        let held = try guest.exec(program.command)
        held.vanish()
        guest.clockAdvance = 1_100_000
        try guest.run { try guest.sessions().isEmpty }
    }

    @Test func aDetachedOneOutlivesWhoAskedForItMeanwhile() throws {
        try detach().vanish()
        let session = try #require(try guest.sessions().first)
        #expect(session.kind == .detached && session.end == nil)
        let client = try guest.attach(session.session)
        program.letGo()
        try guest.run { client.output == "late\n" }
        #expect(client.frames.first?.type == .started)
        let killer = try guest.open(.kill)
        killer.send(.kill, KillRequest(session: session.session, signal: 9).encoded())
        try guest.run { client.isFinished && killer.isFinished }
        #expect(client.end == .signaled(9))
    }

    @Test func whoAsksForADetachedOneHearsItsNumberWhenItHasStarted() throws {
        let client = try detach()
        let quick = try guest.shell("true")
        try guest.run { quick.isFinished }
        program.letGo()
        try guest.run { client.isFinished }
        #expect(client.frames.map(\.type) == [.started])
        let killer = try guest.open(.kill)
        killer.send(.kill, KillRequest(session: try #require(client.start).session, signal: 9).encoded())
        try guest.run { try killer.isFinished && guest.sessions().first?.end != nil }
    }

    @Test func theEndIsAllThatIsHeardOfOneThatCannotStart() throws {
        let client = try guest.open(.exec)
        var command = Command(arguments: [Array("/nosuch".utf8)])
        command.wantsInput = true
        let input = Frame(.standardInput, [UInt8](repeating: 1, count: 30_000)[...]).encoded()
        client.send(Frame(.command, command.encoded()[...]).encoded() + input + input)
        try guest.run { client.isFinished }
        #expect(client.frames.map(\.type) == [.ended])
        guard case .notStarted(127, _)? = client.end else { throw Errno(EINVAL) }
        #expect(try guest.sessions().isEmpty)
    }

    @Test func aRootThatChangesWaitsForIt() throws {
        let held = try guest.exec(program.command)
        guest.service.finishStarts()
        try guest.run { held.start != nil }
        #expect(held.end == nil)
        program.letGo()
        held.vanish()
        try guest.run { try guest.sessions().isEmpty }
    }
}
