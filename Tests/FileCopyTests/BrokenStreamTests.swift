import AgentProtocol
import CLinux
import FileCopy
import Foundation
import LinuxSystem
import Testing

@Suite(.timeLimit(.minutes(1))) struct BrokenStreamTests {
    /// The first frames of a sender, to a receiver for `target`; then the stream ends, or a receiver's problem ends the copy.
    static func receive(
        _ frames: [UInt8], to target: CopyTarget, _ log: Log = Log(), request: CopyRequest = CopyRequest(path: [1], isRecursive: true)
    ) async -> Result<CopyResult, CopyFailure> {
        let pair = Pair()
        let sent = await onThread {
            var rest = frames[...]
            while !rest.isEmpty {
                guard let count = try? rest.withUnsafeBytes({ try pair.far.write($0) }) else { break }
                rest = rest.dropFirst(count)
            }
            return rest.isEmpty
        }
        #expect(sent)
        shutdown(pair.far.rawValue, CInt(SHUT_WR))
        return await onThread { FileCopyTests.receive(target, request, pair, log) }
    }

    static func frame(_ type: FrameType, _ payload: [UInt8] = []) -> [UInt8] { Frame(type, payload[...]).encoded() }
    static func entry(_ kind: CopyEntry.Kind, _ name: String = "") -> [UInt8] {
        frame(.copyEntry, CopyEntry(kind, name: Array(name.utf8)).encoded())
    }
    static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var checksum = CopyChecksum()
        bytes.withUnsafeBytes { checksum.update($0) }
        return withUnsafeBytes(of: checksum.value.bigEndian) { Array($0) }
    }
    static func file(_ name: String, _ content: String, link: UInt32 = 0) -> [UInt8] {
        let bytes = Array(content.utf8)
        return entry(.file(size: UInt64(bytes.count), link: link), name) + frame(.copyData, bytes) + frame(.copyFileEnd, checksum(bytes))
    }
    static let leave = frame(.copyLeave)
    static let end = frame(.copyEnd)

    /// Small files are held until they are complete, large ones and those of unknown size have no name until then.
    @Test(arguments: [10, 1 << 30, nil] as [UInt64?]) func aFileThatBreaksOffLeavesNothingBehind(size: UInt64?) async throws {
        let scratch = try Scratch()
        try scratch.write("old", Array("old".utf8))
        let frames = Self.entry(.file(size: size, link: 0)) + Self.frame(.copyData, [1, 2, 3])
        for name in ["old", "new"] {
            let result = await Self.receive(frames, to: .files(CopyDestination(path: scratch.bytes(name), name: nil)))
            #expect(result == .failure(.streamEnded))
            #expect(try scratch.names() == ["old"])
            #expect(scratch.read("old") == "old")
        }
    }

    /// The size says only what progress shows, whether the content is held first, and what room may be made for it in memory.
    @Test(
        arguments: [
            (0, 2), (100_000, 2), (200_000, 2), (1 << 40, 2), (1 << 63, 2), (.max - 1, 2), (0, 40), (2 << 20, 40), (1 << 40, 40),
        ] as [(UInt64, Int)])
    func aFileIsWhatWasSentOfItWhateverSizeWasSaid(size: UInt64, pieces: Int) async throws {
        let scratch = try Scratch(in: "/dev/shm")
        let target = CopyTarget.files(CopyDestination(path: scratch.bytes("file"), name: nil))
        let (content, result) = await onThread {
            let piece = (0..<(60 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
            let content = Array((0..<pieces).map { _ in piece }.joined())
            let data = (0..<pieces).flatMap { _ in Self.frame(.copyData, piece) }
            let frames = Self.entry(.file(size: size, link: 0)) + data + Self.frame(.copyFileEnd, Self.checksum(content)) + Self.end
            let request = CopyRequest(path: [1], isRecursive: true)
            return (content, FileCopyTests.receive(target, request, Pair(), Log(), early: frames))
        }
        _ = try result.get()
        #expect(try Files.read("\(scratch.path)/file", limit: 4 << 20) == content)
    }

    @Test func aFileThatTheSenderGivesUpLeavesNothingBehindAndTheRestArrives() async throws {
        let scratch = try Scratch()
        let frames =
            Self.entry(.directory) + Self.entry(.file(size: nil, link: 1), "a") + Self.frame(.copyData, [1]) + Self.frame(.copyAbandon)
            + Self.entry(.hardLink(1), "b") + Self.file("c", "c") + Self.leave + Self.end
        let log = Log()
        _ = try await Self.receive(frames, to: .files(CopyDestination(path: scratch.bytes("in"), name: nil)), log).get()
        #expect(try scratch.names("in") == ["c"])
        #expect(log.texts == ["is another name of a file that was not copied"])
    }

    @Test func aDamagedFileIsNotPutInPlaceAndTheErrorNamesIt() async throws {
        let scratch = try Scratch()
        let damaged = Self.entry(.file(size: nil, link: 0), "a") + Self.frame(.copyData, [1]) + Self.frame(.copyFileEnd, Self.checksum([2]))
        let log = Log()
        let frames = Self.entry(.directory) + damaged + Self.file("b", "b") + Self.leave + Self.end
        let result = try await Self.receive(frames, to: .files(CopyDestination(path: scratch.bytes("in"), name: nil)), log).get()
        #expect(result.errors == 1)
        #expect(try scratch.names("in") == ["b"])
        #expect(log.problems.ours.map(\.path) == [scratch.bytes("in/a")])
        #expect(log.texts == ["was damaged on its way: its checksum is not the sender's; nothing was written"])
    }

    @Test func aFullDiskEndsTheCopy() async throws {
        let log = Log()
        let full = try FileDescriptor.open("/dev/full", .write)
        defer { full.close() }
        let frames = Self.file("", "content") + Self.end
        let result = try await Self.receive(frames, to: .stream(full), log).get()
        #expect(result.errors == 1)
        #expect(log.problems.ours.map(\.severity) == [.fatal])
        #expect(log.texts == ["cannot be written: No space left on device (errno 28)"])
    }

    @Test func onlyOneFilesContentGoesToAStream() async throws {
        let pipe = try FileDescriptor.pipe()
        let hole = [0, 0, 0, 0, 0, 0, 0, 3] as [UInt8]
        let sparse =
            Self.entry(.file(size: nil, link: 0)) + Self.frame(.copyData, [1]) + Self.frame(.copyHole, hole)
            + Self.frame(.copyFileEnd, Self.checksum([1] + hole)) + Self.end
        _ = try await Self.receive(sparse, to: .stream(pipe.writeEnd)).get()
        let log = Log()
        _ = try await Self.receive(Self.entry(.directory) + Self.leave + Self.end, to: .stream(pipe.writeEnd), log).get()
        #expect(log.texts == ["only a file's content can be written here"])
        pipe.writeEnd.close()
        #expect(try Files.read(pipe.readEnd) == [1, 0, 0, 0])
        pipe.readEnd.close()
    }

    @Test func anInterruptionEndsTheWaitForAReaderOfTheOutput() async throws {
        let pipe = try FileDescriptor.pipe()
        let signal = try FileDescriptor.pipe()
        defer { for descriptor in [pipe.readEnd, pipe.writeEnd, signal.readEnd, signal.writeEnd] { descriptor.close() } }
        let pair = Pair()
        let frames = Self.entry(.file(size: nil, link: 0)) + Self.frame(.copyData, [UInt8](repeating: 7, count: 100_000))
        #expect(try frames.withUnsafeBytes { try pair.far.write($0) } == frames.count)
        let receiver = Task {
            await onThread {
                attempt { () throws(CopyFailure) in
                    try TreeReceiver.ofClient(
                        .stream(pipe.writeEnd), request: CopyRequest(path: []),
                        channel: CopyChannel(input: pair.near, output: pair.near, interruption: signal.readEnd)
                    ).receive()
                }
            }
        }
        // Until the pipe is full: then it waits for the reader.
        while linux_readable_bytes(pipe.readEnd.rawValue) < 64 << 10 { try await Task.sleep(for: .milliseconds(5)) }
        try signal.writeEnd.writeAll([1])
        #expect(await receiver.value == .failure(.interrupted))
    }

    @Test func aSenderWhoseReceiverIsGoneEnds() async throws {
        let scratch = try Scratch()
        try scratch.write("large", [UInt8](repeating: 7, count: 8 << 20))
        let pair = Pair()
        let sender = Task {
            await onThread {
                attempt { () throws(CopyFailure) in
                    try TreeSender(CopyRequest(path: []), channel: CopyChannel(input: pair.near, output: pair.near))
                        .send(scratch.bytes("large"))
                }
            }
        }
        await onThread {
            // The sender is in the middle of the file.
            var byte: UInt8 = 0
            while withUnsafeMutableBytes(of: &byte, { (try? pair.far.read(into: $0)) != 1 }) {
                _ = pair.far.waitUntilReadable(milliseconds: -1)
            }
            pair.cut()
        }
        #expect(await sender.value == .failure(.streamEnded))
    }

    @Test func anInterruptionEndsEveryWait() async throws {
        let scratch = try Scratch()
        let signal = try FileDescriptor.pipe()
        let pair = Pair()
        let receiver = Task {
            await onThread {
                attempt { () throws(CopyFailure) in
                    try TreeReceiver.ofClient(
                        .files(CopyDestination(path: scratch.bytes("in"), name: nil)), request: CopyRequest(path: []),
                        channel: CopyChannel(input: pair.near, output: pair.near, interruption: signal.readEnd)
                    ).receive()
                }
            }
        }
        try signal.writeEnd.writeAll([1])
        #expect(await receiver.value == .failure(.interrupted))
        signal.readEnd.close()
        signal.writeEnd.close()
    }
}
