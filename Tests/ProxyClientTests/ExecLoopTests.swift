import AgentProtocol
import Foundation
import HostTools
import LinuxSystem
import Testing

@testable import ProxyClient

// One at a time: signals are the process's, and the newest inbox has them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ExecLoopTests {
    static let command = Command(arguments: [Array("command".utf8)])

    /// A pipe: its reading and writing end.
    static func pipe() throws -> (read: CInt, write: CInt) {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        return (readEnd.rawValue, writeEnd.rawValue)
    }

    /// The writing end of a pipe that nobody reads.
    static func unreadPipe() throws -> CInt {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        readEnd.close()
        try #require(writeEnd.waitUntilHungUp())
        return writeEnd.rawValue
    }

    /// Reads until the end, on a thread of its own: a task would wait for a thread that a test blocks.
    final class Collector: @unchecked Sendable {
        // Written before the semaphore is signalled, read after it was waited for.
        private var bytes: [UInt8] = []
        private let done = DispatchSemaphore(value: 0)

        init(_ descriptor: CInt) {
            Thread.detachNewThread { [self] in
                bytes = [UInt8](FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readDataToEndOfFile())
                done.signal()
            }
        }

        /// Waits for the end; once.
        func value() -> [UInt8] {
            done.wait()
            return bytes
        }
    }

    /// What was said to the user.
    final class Said { var lines: [String] = [] }

    static func run(
        _ guest: CInt, _ streams: StandardStreams, early: [UInt8] = [], manner: ExecLoop.Manner = .command,
        conversation: ExecConversation? = nil, said: Said = Said(), signals: [CInt] = []
    ) throws -> ExecOutcome {
        let socket = UnixSocket(owning: guest)
        var loop = ExecLoop(
            manner, conversation ?? ExecConversation(command), socket: socket.descriptor, early: early, streams: streams,
            signals: try SignalInbox(signals), guest: "vm", say: { said.lines.append($0) })
        defer { withExtendedLifetime(socket) {} }
        return try loop.run()
    }

    /// A guest that writes back what it reads until the end of input.
    static func echo(_ guest: GuestEnd) throws {
        guest.start()
        while let frame = try guest.frame() {
            switch frame.type {
            case .standardInput:
                guest.send(.standardOutput, frame.payload)
                guest.send(.inputTaken, InputAllowance.encoded(frame.payload.count)[...])
            case .endOfInput: return guest.end(.exited(0))
            default: break
            }
        }
    }

    /// 3 MiB each way at once, through a pipe and through a file, are more than all buffers between hold.
    @Test(arguments: [false, true]) func muchDataPassesBothWaysUnchanged(inputIsAFile: Bool) throws {
        let bytes = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let (output, input) = (try Self.pipe(), try Self.pipe())
        var source = input.read
        if inputIsAFile {
            let file = FileManager.default.temporaryDirectory.appending(path: "exec-\(UUID())")
            try Data(bytes).write(to: file)
            source = open(file.path, O_RDONLY)
            try FileManager.default.removeItem(at: file)
            close(input.write)
        } else {
            Thread.detachNewThread {
                try? FileHandle(fileDescriptor: input.write, closeOnDealloc: true).write(contentsOf: Data(bytes))
            }
        }
        let collected = Collector(output.read)
        let outcome = try Self.run(GuestEnd.start(Self.echo), StandardStreams(input: source, output: output.write, error: 2))
        close(output.write)
        close(source)
        #expect(outcome == .ended(.exited(0)))
        #expect(collected.value() == bytes)
    }

    @Test(arguments: [
        AgentProtocol.ExitStatus.exited(0), .exited(3), .signaled(9), .notStarted(code: 127, reason: "no such program"), .timedOut,
    ])
    func theCommandsEndIsTheOutcome(status: AgentProtocol.ExitStatus) throws {
        let input = try Self.pipe()
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.end(status)
        }
        #expect(try Self.run(guest, StandardStreams(input: input.read)) == .ended(status))
        close(input.read)
        close(input.write)
    }

    @Test func bytesThatCameWithTheProxysReplyCount() throws {
        let guest = GuestEnd.start { _ = try $0.frame() }
        let early = Frame(.ended, AgentProtocol.ExitStatus.exited(5).encoded()[...]).encoded()
        #expect(try Self.run(guest, StandardStreams(input: -1), early: early) == .ended(.exited(5)))
    }

    @Test func outputThatCameBeforeTheLinkWasLostIsPassedOn() throws {
        let output = try Self.pipe()
        let collected = Collector(output.read)
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.send(.standardOutput, ArraySlice("last words".utf8))
        }
        #expect(throws: ProxyClientError.linkLost(guest: "vm", why: nil)) {
            try Self.run(guest, StandardStreams(input: -1, output: output.write))
        }
        close(output.write)
        #expect(collected.value() == Array("last words".utf8))
    }

    /// As `yes | head -1` does on one machine: who writes into a pipe that nobody reads is told so by SIGPIPE.
    @Test func aClosedOutputStopsTheCommand() throws {
        let output = try Self.unreadPipe()
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.send(.standardOutput, [1, 2, 3])
            while let frame = try guest.frame() {
                if frame.type == .signal, let signal = frame.payload.first { return guest.end(.signaled(signal)) }
                guest.send(.standardOutput, [1, 2, 3])
            }
        }
        let outcome = try Self.run(guest, StandardStreams(input: -1, output: output))
        close(output)
        #expect(outcome == .ended(.signaled(13)))
        #expect(outcome.exitCode == 141)
    }

    @Test func aSignalReachesTheCommandAndTheSecondInterruptLeaves() throws {
        let output = try Self.pipe()
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            kill(getpid(), SIGTERM)
            guard var first = try guest.frame()?.payload.first else { return }
            write(output.write, &first, 1)
            kill(getpid(), SIGINT)
            guard var second = try guest.frame()?.payload.first else { return }
            write(output.write, &second, 1)
            kill(getpid(), SIGINT)
            while try guest.frame() != nil {}
        }
        let outcome = try Self.run(guest, StandardStreams(input: -1), signals: [SIGINT, SIGTERM])
        #expect(outcome == .left(signal: SIGINT))
        #expect(outcome.exitCode == 130)
        var heard = [UInt8](repeating: 0, count: 8)
        #expect(read(output.read, &heard, heard.count) == 2)
        #expect(heard.prefix(2) == [UInt8(SIGTERM), UInt8(SIGINT)])
        close(output.read)
        close(output.write)
    }

    /// An attach whose guest answers with `frames` after its request, and then waits for the client to go.
    static func attach(
        _ streams: StandardStreams = StandardStreams(input: -1), said: Said = Said(), signals: [CInt] = [],
        _ answer: @escaping @Sendable (GuestEnd) -> Void
    ) throws -> ExecOutcome {
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            answer(guest)
            while try guest.frame() != nil {}
        }
        let request = AttachRequest(session: 7, wantsInput: streams.input >= 0)
        return try run(guest, streams, manner: .attach, conversation: ExecConversation(request), said: said, signals: signals)
    }

    @Test func aDetachedCommandIsLeftWhenItRuns() throws {
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.start(session: 12)
        }
        var detached = Self.command
        detached.isDetached = true
        let outcome = try Self.run(guest, StandardStreams(input: -1), manner: .start, conversation: ExecConversation(detached))
        #expect(outcome == .detached(session: 12))
    }

    @Test func anInterruptLeavesADetachedSessionAlone() throws {
        let outcome = try Self.attach(signals: [SIGINT]) { guest in
            guest.start(session: 7)
            kill(getpid(), SIGINT)
        }
        #expect(outcome == .left(signal: SIGINT))
    }

    @Test func anAttachWhoseOutputNobodyReadsEnds() throws {
        let output = try Self.unreadPipe()
        let outcome = try Self.attach(StandardStreams(input: -1, output: output)) { guest in
            guest.start(session: 7)
            guest.send(.standardOutput, [1])
        }
        close(output)
        #expect(outcome == .left(signal: SIGPIPE))
    }

    @Test func whyASessionCannotBeAttachedToIsTold() throws {
        #expect(throws: ProxyClientError.refused(request: "guest 'vm'", reason: "there is no detached session 7 in the guest")) {
            try Self.attach { $0.send(.failed, ArraySlice("there is no detached session 7 in the guest".utf8)) }
        }
    }

    @Test func outputThatWasMissedIsTold() throws {
        let said = Said()
        let outcome = try Self.attach(said: said) { guest in
            guest.start(session: 7, isWriter: true)
            guest.send(.skipped, SkippedOutput.encoded(4096)[...])
            guest.end(.exited(0))
        }
        #expect(outcome == .ended(.exited(0)))
        #expect(said.lines.count == 1 && said.lines[0].hasPrefix("4096 bytes"))
    }

    /// Until it is this client's turn, its input waits; nothing of it is lost.
    @Test func inputWaitsForItsTurnToWrite() throws {
        let input = try Self.pipe()
        #expect(write(input.write, "mine", 4) == 4)
        close(input.write)
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.start(session: 7, isWriter: false)
            guest.send(.writer)
            var seen: [UInt8] = []
            while let frame = try guest.frame(), frame.type != .endOfInput {
                if frame.type == .standardInput { seen += frame.payload }
            }
            guest.end(.exited(seen == Array("mine".utf8) ? 0 : 1))
        }
        let request = ExecConversation(AttachRequest(session: 7, wantsInput: true))
        let outcome = try Self.run(guest, StandardStreams(input: input.read), manner: .attach, conversation: request)
        close(input.read)
        #expect(outcome == .ended(.exited(0)))
    }
}
