import AgentProtocol
import Foundation
import Testing

@testable import ProxyClient

@Suite(.timeLimit(.minutes(1))) struct ExecLoopTests {
    static let command = Command(arguments: [Array("command".utf8)])

    /// A pipe: its reading and writing end.
    static func pipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// Reads until the end, on a thread of its own.
    static func collect(_ descriptor: CInt) -> Task<[UInt8], Never> {
        Task.detached {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    let data = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readDataToEndOfFile()
                    continuation.resume(returning: [UInt8](data))
                }
            }
        }
    }

    static func run(_ guest: CInt, _ streams: StandardStreams, early: [UInt8] = []) throws -> ExecOutcome {
        let socket = UnixSocket(owning: guest)
        var loop = ExecLoop(
            socket: socket.descriptor, command: command, early: early, streams: streams,
            signals: try SignalInbox([SIGINT, SIGTERM]), guest: "vm")
        defer { withExtendedLifetime(socket) {} }
        return try loop.run()
    }

    /// A guest that writes back what it reads until the end of input.
    static func echo(_ guest: GuestEnd) throws {
        guest.send(.started, [0, 0, 0, 1])
        while let frame = try guest.frame() {
            switch frame.type {
            case .standardInput: guest.send(.standardOutput, frame.payload)
            case .endOfInput: return guest.end(.exited(0))
            default: break
            }
        }
    }

    /// 3 MiB each way at once, through a pipe and through a file, are more than all buffers between hold.
    @Test(arguments: [false, true]) func muchDataPassesBothWaysUnchanged(inputIsAFile: Bool) async throws {
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
        let collected = Self.collect(output.read)
        let outcome = try Self.run(GuestEnd.start(Self.echo), StandardStreams(input: source, output: output.write, error: 2))
        close(output.write)
        close(source)
        #expect(outcome == .ended(.exited(0)))
        #expect(await collected.value == bytes)
    }

    @Test(arguments: [AgentProtocol.ExitStatus.exited(0), .exited(3), .signaled(9), .notStarted(code: 127, reason: "no such program")])
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
        let early = Frame(.ended, ExitStatus.exited(5).encoded()[...]).encoded()
        #expect(try Self.run(guest, StandardStreams(input: -1), early: early) == .ended(.exited(5)))
    }

    @Test func outputThatCameBeforeTheLinkWasLostIsPassedOn() async throws {
        let output = try Self.pipe()
        let collected = Self.collect(output.read)
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.send(.standardOutput, ArraySlice("last words".utf8))
        }
        #expect(throws: ProxyClientError.linkLost(guest: "vm", why: nil)) {
            try Self.run(guest, StandardStreams(input: -1, output: output.write))
        }
        close(output.write)
        #expect(await collected.value == Array("last words".utf8))
    }

    /// As `yes | head -1` does on one machine: who writes into a pipe that nobody reads is told so by SIGPIPE.
    @Test func aClosedOutputStopsTheCommand() throws {
        let output = try Self.pipe()
        close(output.read)
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            guest.send(.standardOutput, [1, 2, 3])
            while let frame = try guest.frame() {
                if frame.type == .signal, let signal = frame.payload.first { return guest.end(.signaled(signal)) }
                guest.send(.standardOutput, [1, 2, 3])
            }
        }
        let outcome = try Self.run(guest, StandardStreams(input: -1, output: output.write))
        close(output.write)
        #expect(outcome == .ended(.signaled(13)))
        #expect(outcome.exitCode == 141)
    }

    @Test func aSignalReachesTheCommandAndTheSecondInterruptLeaves() throws {
        let caller = pthread_self()
        let guest = GuestEnd.start { guest in
            _ = try guest.frame()
            pthread_kill(caller, SIGTERM)
            guard let first = try guest.frame() else { return }
            guest.send(.standardOutput, first.payload)
            pthread_kill(caller, SIGINT)
            guard let second = try guest.frame() else { return }
            guest.send(.standardOutput, second.payload)
            pthread_kill(caller, SIGINT)
            while try guest.frame() != nil {}
        }
        let output = try Self.pipe()
        let outcome = try Self.run(guest, StandardStreams(input: -1, output: output.write))
        #expect(outcome == .left(signal: SIGINT))
        #expect(outcome.exitCode == 130)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(read(output.read, &bytes, bytes.count) == 2)
        #expect(bytes.prefix(2) == [UInt8(SIGTERM), UInt8(SIGINT)])
        close(output.read)
        close(output.write)
    }
}
