import CLinux
import Foundation
import HostTools
import LinuxSystem
import Testing

/// A ring, as the one who has made it sees it and as the one who was given its memory does, and each one's end of the bell.
private final class Rig: @unchecked Sendable {
    // Each thread of a test uses one side alone; the ring is what is between them.
    let writer: SharedRing
    let reader: SharedRing
    let memory: FileDescriptor
    let writersBell: FileDescriptor
    let readersBell: FileDescriptor

    init(capacity: Int) throws {
        let made = try SharedRing.make(capacity: capacity)
        (writer, memory) = (made.ring, made.memory)
        reader = try SharedRing(memory)
        (writersBell, readersBell) = try FileDescriptor.packetPair()
        for bell in [writersBell, readersBell] { try bell.setNonBlocking() }
    }

    func write(_ bytes: [UInt8]) throws -> Int {
        let result: Result<Int, Errno> = bytes.withUnsafeBytes { buffer in
            do throws(Errno) { return .success(try writer.write(buffer, bell: writersBell)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Takes at most `limit` bytes; nil when there is nothing now.
    func read(upTo limit: Int = .max) throws -> [UInt8]? {
        guard let found = try reader.next(bell: readersBell) else { return nil }
        let bytes = Array(found.prefix(limit))
        if !bytes.isEmpty { try reader.take(bytes.count, bell: readersBell) }
        return bytes
    }

    func endWriter() throws {
        writersBell.close()
        try #require(readersBell.waitUntilHungUp())
    }

    func endReader() throws {
        readersBell.close()
        try #require(writersBell.waitUntilHungUp())
    }
}

@Suite struct SharedRingTests {
    @Test func bytesComeOutInOrderWhereverTheRingBegins() throws {
        let rig = try Rig(capacity: 100)
        var (sent, received) = ([UInt8](), [UInt8]())
        for turn in 0..<200 {
            let piece = (0..<(turn * 7 % 90)).map { UInt8(truncatingIfNeeded: $0 &+ turn) }
            sent += piece[..<(try rig.write(piece))]
            received += try rig.read(upTo: 1 + turn * 13 % 60) ?? []
        }
        while let more = try rig.read() { received += more }
        #expect(received == sent && sent.count > 2000)
    }

    /// Room is made for what is used of a long ring, and only for that.
    @Test func aLongRingTakesNoMoreMemoryThanItNeeds() throws {
        let rig = try Rig(capacity: (2 << 20) + 100)
        var status = stat()
        #expect(fstat(rig.memory.rawValue, &status) == 0 && status.st_size == (2 << 20) + 4196 && status.st_blocks <= 4096)
        let piece = (0..<(700 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 4) }
        for _ in 0..<7 {
            #expect(try rig.write(piece) == piece.count)
            var received: [UInt8] = []
            while let more = try rig.read() { received += more }
            #expect(received == piece)
        }
        #expect(fstat(rig.memory.rawValue, &status) == 0 && status.st_blocks > 4096)
    }

    @Test func aFullRingTakesNoMoreUntilSomethingIsTaken() throws {
        let rig = try Rig(capacity: 64)
        #expect(try rig.write([UInt8](repeating: 1, count: 100)) == 64)
        #expect(try rig.write([2]) == 0)
        #expect(rig.writer.waitForRoom())
        #expect(try rig.read(upTo: 8)?.count == 8)
        #expect(!rig.writer.waitForRoom())
        #expect(try rig.write([2, 2]) == 2)
    }

    @Test func whoWaitsForRoomIsWokenWhenHalfOfItIsFree() throws {
        let rig = try Rig(capacity: 64)
        _ = try rig.write([UInt8](repeating: 1, count: 64))
        #expect(rig.writer.waitForRoom())
        _ = try rig.read()
        #expect(!rig.writersBell.waitUntilReadable(milliseconds: 0))
        _ = try rig.read()
        #expect(rig.writersBell.waitUntilReadable(milliseconds: 0))
        #expect(try SharedRing.hear(rig.writersBell))
    }

    @Test func whoWaitsForBytesIsWokenByThem() throws {
        let rig = try Rig(capacity: 64)
        #expect(rig.reader.waitForBytes())
        #expect(try rig.read() == nil)
        _ = try rig.write([5])
        #expect(rig.readersBell.waitUntilReadable(milliseconds: 0))
        #expect(!rig.reader.waitForBytes())
        #expect(try rig.read() == [5])
    }

    @Test func theEndComesAfterTheLastBytes() throws {
        let rig = try Rig(capacity: 64)
        _ = try rig.write([1, 2])
        try rig.endWriter()
        #expect(try rig.read() == [1, 2])
        #expect(try rig.read() == [])
        #expect(try rig.read() == [])
    }

    @Test func whatAWriterLeftThatWaitedForRoomAndIsGoneIsStillRead() throws {
        let rig = try Rig(capacity: 64)
        #expect(try rig.write([UInt8](repeating: 1, count: 64)) == 64)
        #expect(rig.writer.waitForRoom())
        try rig.endWriter()
        var count = 0
        while let bytes = try rig.read(), !bytes.isEmpty { count += bytes.count }
        #expect(count == 64)
        #expect(try rig.read() == [])
    }

    @Test func whatAWriterLeftThatDidNotHearTheLastBellIsStillRead() throws {
        let rig = try Rig(capacity: 64)
        #expect(try rig.write([UInt8](repeating: 1, count: 64)) == 64)
        #expect(rig.writer.waitForRoom())
        for _ in 0..<3 { _ = try rig.read() }
        #expect(rig.writersBell.waitUntilReadable(milliseconds: 0))
        #expect(try rig.read()?.count == 16)
        #expect(rig.reader.waitForBytes())
        #expect(try rig.write([7]) == 1)
        try rig.endWriter()
        #expect(try rig.read() == [7])
        while let more = try rig.read() {
            #expect(more == [])
            return
        }
        // One more message was before the end.
        #expect(try rig.read() == [])
    }

    @Test func whoWaitsNoMoreIsNotWoken() throws {
        let rig = try Rig(capacity: 64)
        #expect(try rig.write([UInt8](repeating: 1, count: 64)) == 64)
        #expect(rig.writer.waitForRoom())
        #expect(try rig.read(upTo: 4)?.count == 4)
        #expect(try rig.write([2, 2]) == 2)
        while try rig.read() != nil {}
        #expect(!rig.writersBell.waitUntilReadable(milliseconds: 0))
    }

    @Test func aReaderThatIsGoneIsNoticed() throws {
        let rig = try Rig(capacity: 64)
        #expect(rig.reader.waitForBytes())
        try rig.endReader()
        #expect(throws: Errno(EPIPE)) { try rig.write([1]) }
        #expect(try !SharedRing.hear(rig.writersBell))
    }

    /// The reader's process handles bytes from outside: what it may be made to write here is not believed.
    @Test(arguments: [1, 200, UInt64.max / 2]) func aReaderThatSaysItTookWhatItCannotHaveIsRefused(_ taken: UInt64) throws {
        let rig = try Rig(capacity: 64)
        withUnsafeBytes(of: taken) { #expect(pwrite(rig.memory.rawValue, $0.baseAddress, $0.count, 64) == 8) }
        #expect(throws: Errno(EINVAL)) { try rig.write([1]) }
    }

    @Test func whatIsNoRingIsRefused() throws {
        #expect(throws: Errno(EINVAL)) { try SharedRing(FileDescriptor.pipe().readEnd) }
        let null = try FileDescriptor.open("/dev/null", .readWrite)
        defer { null.close() }
        #expect(throws: Errno(EINVAL)) { try SharedRing(null) }
        let rig = try Rig(capacity: 64)
        withUnsafeBytes(of: UInt64(0)) { #expect(pwrite(rig.memory.rawValue, $0.baseAddress, $0.count, 256) == 8) }
        #expect(throws: Errno(EINVAL)) { try SharedRing(rig.memory) }
    }

    @Test func theMemoryCannotBeCutOff() throws {
        let rig = try Rig(capacity: 64)
        #expect(ftruncate(rig.memory.rawValue, 0) < 0)
    }

    /// Two threads, each of which sleeps whenever it has nothing to do: no wake-up is lost, nor a byte.
    @Test func twoThatWaitForEachOtherNeverBothWait() async throws {
        let rig = try Rig(capacity: 4 << 10)
        let total = 1 << 20
        let writer = Task.detached {
            var generator = SystemRandomNumberGenerator()
            var offset = 0
            while offset < total {
                let count = min(Int.random(in: 1...6000, using: &generator), total - offset)
                let piece = (offset..<offset + count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
                let written = try rig.write(piece)
                offset += written
                if written < count, rig.writer.waitForRoom() {
                    try #require(rig.writersBell.waitUntilReadable(milliseconds: 60_000), "no room at \(offset)")
                    try #require(try SharedRing.hear(rig.writersBell))
                }
            }
            rig.writersBell.close()
        }
        let reader = Task.detached {
            var generator = SystemRandomNumberGenerator()
            var offset = 0
            while true {
                if rig.reader.waitForBytes() {
                    try #require(rig.readersBell.waitUntilReadable(milliseconds: 60_000), "no bytes at \(offset)")
                }
                guard let piece = try rig.read(upTo: Int.random(in: 1...3000, using: &generator)) else { continue }
                if piece.isEmpty { return offset }
                for byte in piece {
                    try #require(byte == UInt8(truncatingIfNeeded: offset &* 31 >> 3), "at \(offset)")
                    offset += 1
                }
            }
        }
        try await writer.value
        #expect(try await reader.value == total)
    }
}
