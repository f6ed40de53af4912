import Testing

@testable import GuestSessions

@Suite struct SessionLogTests {
    /// Appends `text` as one read of the process's output would.
    static func append(_ text: String, _ source: SessionLog.Source, to log: inout SessionLog) {
        let bytes = Array(text.utf8)
        let count = log.append(source, room: bytes.count + 10) { buffer in
            buffer.copyBytes(from: bytes)
            return bytes.count
        }
        #expect(count == bytes.count)
    }

    /// All pieces from `position` on, each with its mark.
    static func pieces(_ log: SessionLog, from position: UInt64, limit: Int = 1000) -> [String] {
        var position = position
        var result: [String] = []
        while let piece = log.piece(at: position, limit: limit) {
            result.append((piece.source == .output ? "o:" : "e:") + String(decoding: piece.bytes, as: UTF8.self))
            position += UInt64(piece.bytes.count)
        }
        return result
    }

    @Test func eachByteKeepsItsMark() {
        var log = SessionLog()
        Self.append("one ", .output, to: &log)
        Self.append("two", .output, to: &log)
        Self.append("bad", .errors, to: &log)
        Self.append("three", .output, to: &log)
        #expect(Self.pieces(log, from: 0) == ["o:one two", "e:bad", "o:three"])
        #expect(Self.pieces(log, from: 5) == ["o:wo", "e:bad", "o:three"])
        #expect(Self.pieces(log, from: 0, limit: 4) == ["o:one ", "o:two", "e:bad", "o:thre", "o:e"])
        #expect(log.piece(at: log.end, limit: 10) == nil)
    }

    @Test func whatIsDroppedIsGoneAndPositionsStay() {
        var log = SessionLog()
        Self.append("one", .output, to: &log)
        Self.append("two", .errors, to: &log)
        log.drop(before: 4)
        #expect((log.start, log.end) == (4, 6))
        #expect(Self.pieces(log, from: 4) == ["e:wo"])
        log.drop(before: 2)
        #expect(log.start == 4)
        log.drop(before: 100)
        #expect((log.start, log.end) == (6, 6))
        Self.append("more", .output, to: &log)
        #expect(Self.pieces(log, from: 6) == ["o:more"])
    }

    @Test func onlyTheLastOutputIsKept() {
        var log = SessionLog()
        var expected = ""
        for line in 0..<40_000 {
            Self.append("\(line)\n", line % 7 == 0 ? .errors : .output, to: &log)
            expected += "\(line)\n"
            log.dropOldest()
            #expect(log.end - log.start <= UInt64(SessionLog.capacity))
        }
        let kept = Self.pieces(log, from: log.start).map { $0.dropFirst(2) }.joined()
        #expect(expected.hasSuffix(kept))
        #expect(log.end == UInt64(expected.utf8.count))
    }

    /// Marks cost memory, too: a process that changes between its two outputs with every byte has less of them kept.
    @Test func marksAreBounded() {
        var log = SessionLog()
        for index in 0..<20_000 {
            Self.append("x", index % 2 == 0 ? .output : .errors, to: &log)
            log.dropOldest()
        }
        let pieces = Self.pieces(log, from: log.start)
        #expect(pieces.count <= SessionLog.markLimit && pieces.count >= SessionLog.markLimit / 2)
    }
}
