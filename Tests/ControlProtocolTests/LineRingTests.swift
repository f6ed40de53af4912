import ControlProtocol
import Testing

@Suite struct LineRingTests {
    static func text(_ ring: LineRing, from place: Int = 0, limit: Int = .max) -> String {
        String(decoding: ring.read(from: place, limit: limit).bytes, as: UTF8.self)
    }

    @Test func linesComeBackInOrder() {
        var ring = LineRing(capacity: 100)
        for line in ["one", "", "three"] { ring.append(line.utf8) }
        #expect(Self.text(ring) == "one\n\nthree\n")
        #expect(ring.end == 11)
        #expect(Self.text(ring, from: 4) == "\nthree\n")
        #expect(Self.text(ring, from: 99) == "")
    }

    /// However it is filled, it holds whole lines, the last ones, and no more bytes than it may.
    @Test(arguments: [16, 100, 1000]) func theOldestWholeLinesGo(capacity: Int) {
        var ring = LineRing(capacity: capacity)
        var all = ""
        for number in 0..<500 {
            let line = String(repeating: "x", count: number % 11) + "\(number)"
            ring.append(line.utf8)
            all += line + "\n"
            #expect(ring.end - ring.start <= capacity)
            #expect(ring.end == all.utf8.count)
            #expect(all.hasSuffix(Self.text(ring)))
            #expect(Self.text(ring).hasSuffix(line + "\n"))
            let before = all.utf8.dropLast(ring.end - ring.start).last
            #expect(before == nil || before == UInt8(ascii: "\n"))
        }
        #expect(ring.start > 0)
    }

    @Test func aReaderLearnsWhatItMissed() {
        var ring = LineRing(capacity: 20)
        for number in 0..<10 { ring.append("line\(number)".utf8) }
        let (place, bytes) = ring.read(from: 6, limit: 1000)
        #expect(place == ring.start && place > 6)
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("line9\n"))
    }

    @Test func aPieceEndsWithALine() {
        var ring = LineRing(capacity: 100)
        for line in ["aaaa", "bbbb", "cccccccccccc"] { ring.append(line.utf8) }
        #expect(Self.text(ring, limit: 9) == "aaaa\n")
        #expect(Self.text(ring, from: 10, limit: 4) == "cccccccccccc\n")
    }

    @Test func aLineThatCannotFitIsLeftOut() {
        var ring = LineRing(capacity: 8)
        ring.append("short".utf8)
        ring.append("much too long".utf8)
        #expect(Self.text(ring) == "short\n")
    }
}
