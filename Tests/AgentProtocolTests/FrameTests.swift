import HostTools
import Testing

@testable import AgentProtocol

@Suite struct FrameTests {
    static let types: [(FrameType, UInt8)] = [
        (.open, 0x00), (.accepted, 0x01), (.refused, 0x02), (.command, 0x10), (.standardInput, 0x11), (.endOfInput, 0x12),
        (.signal, 0x13), (.resize, 0x14), (.attach, 0x15), (.kill, 0x16), (.started, 0x20), (.standardOutput, 0x21),
        (.standardError, 0x22), (.ended, 0x23), (.inputTaken, 0x24), (.skipped, 0x25), (.writer, 0x26), (.session, 0x27),
        (.done, 0x28), (.failed, 0x29), (.step, 0x30), (.boot, 0x31), (.agent, 0x32), (.copyRequest, 0x40),
        (.copyEntry, 0x41), (.copyData, 0x42), (.copyHole, 0x43), (.copyFileEnd, 0x44), (.copyAbandon, 0x45), (.copyLeave, 0x46),
        (.copyProblem, 0x47), (.copyEnd, 0x48), (.copyResult, 0x49),
    ]

    @Test(arguments: types) func aFrameTypesNumberIsOnTheWireForEver(_ type: FrameType, _ number: UInt8) {
        #expect(Frame(type, [7, 8]).encoded() == [number, 0, 0, 0, 2, 7, 8])
        #expect(Frame.header(type, length: 0x0001_0203) == [number, 0, 1, 2, 3])
    }

    @Test func noTypeIsMissingAbove() {
        #expect((0...UInt8.max).compactMap { FrameType(rawValue: $0) }.count == FrameTests.types.count)
    }

    @Test func theServicesNamesAreOnTheWireForEver() {
        #expect(Set(Service.allCases.map(\.rawValue)).isSuperset(of: ["shell", "exec", "events", "power-off"]))
        #expect(Service(rawValue: "Shell") == nil)
    }

    @Test func textThatIsNotUTF8IsReplacedNotRefused() {
        #expect(Frame(.refused, [0x61, 0xFF, 0x62]).text == "a\u{FFFD}b")
        #expect(Frame(.open, text: "shell").payload == ArraySlice("shell".utf8))
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 64, 1000]) func framesComeOutWholeHoweverTheBytesArrive(_ pieceLength: Int) throws {
        let frames = [
            Frame(.accepted), Frame(.standardOutput, [1]), Frame(.standardError, ArraySlice(repeating: 9, count: 300)),
            Frame(.ended, [0, 3]),
        ]
        let bytes = frames.flatMap { $0.encoded() }
        var decoder = FrameDecoder()
        var decoded: [Frame] = []
        for start in stride(from: 0, to: bytes.count, by: pieceLength) {
            decoder.append(bytes[start..<min(start + pieceLength, bytes.count)])
            while let frame = try decoder.next() { decoded.append(frame) }
        }
        #expect(decoded == frames)
        #expect(decoder.bufferedCount == 0)
    }

    @Test func aFrameCutShortAtAnyByteIsNoFrameYet() throws {
        let bytes = Frame(.standardInput, [1, 2, 3]).encoded()
        for length in 0..<bytes.count {
            var decoder = FrameDecoder()
            decoder.append(bytes[..<length])
            #expect(try decoder.next() == nil)
            #expect(decoder.bufferedCount == length)
        }
    }

    @Test func aPayloadOfTheGreatestLengthPassesAndOneByteMoreDoesNot() throws {
        let greatest = Frame(.standardOutput, ArraySlice(repeating: 5, count: Frame.maximumPayloadLength))
        var decoder = FrameDecoder()
        decoder.append(greatest.encoded())
        #expect(try decoder.next() == greatest)
        var refusing = FrameDecoder()
        // The length alone is enough: nobody waits for the payload.
        refusing.append(Frame.header(.standardOutput, length: Frame.maximumPayloadLength + 1))
        #expect(throws: ProtocolError.tooLong(length: Frame.maximumPayloadLength + 1, limit: Frame.maximumPayloadLength)) {
            try refusing.next()
        }
        var huge = FrameDecoder()
        huge.append([0x21, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: ProtocolError.tooLong(length: 0xFFFF_FFFF, limit: Frame.maximumPayloadLength)) { try huge.next() }
    }

    @Test func everyUnknownTypeIsRefusedByItsNumber() {
        let known = Set(FrameTests.types.map(\.1))
        for number in (0...UInt8.max) where !known.contains(number) {
            var decoder = FrameDecoder()
            decoder.append([number, 0, 0, 0, 0])
            #expect(throws: ProtocolError.unexpectedFrame(number)) { try decoder.next() }
        }
    }

    @Test func whatFollowsTheLastFrameIsTheRawServices() throws {
        var decoder = FrameDecoder()
        decoder.append(Frame(.accepted).encoded() + Array("# ".utf8))
        #expect(try decoder.next() == Frame(.accepted))
        #expect(decoder.takeRemainder() == ArraySlice("# ".utf8))
        #expect(decoder.bufferedCount == 0)
        #expect(decoder.takeRemainder().isEmpty)
    }

    @Test func aDecoderThatIsReadHoldsNoMoreThanOneFrame() throws {
        var decoder = FrameDecoder()
        let frame = Frame(.standardOutput, ArraySlice(repeating: 1, count: 40_000)).encoded()
        var count = 0
        for _ in 0..<100 {
            decoder.append(frame[..<30_000])
            #expect(try decoder.next() == nil)
            #expect(decoder.bufferedCount == 30_000)
            decoder.append(frame[30_000...])
            while try decoder.next() != nil { count += 1 }
            #expect(decoder.bufferedCount == 0)
        }
        #expect(count == 100)
    }

    @Test(arguments: 0..<64) func randomBytesNeverTrapTheFrameDecoder(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var decoder = FrameDecoder()
            var given = 0
            var taken = 0
            do throws(ProtocolError) {
                for _ in 0..<8 {
                    // Half of the pieces begin as a frame of a known type, so that more than the first byte is looked at.
                    var piece = random.bytes(Int.random(in: 0...40, using: &random))
                    if Bool.random(using: &random), let type = FrameTests.types.randomElement(using: &random) {
                        piece = [type.1, 0, 0, 0, UInt8.random(in: 0...40, using: &random)] + piece
                    }
                    decoder.append(piece)
                    given += piece.count
                    while let frame = try decoder.next() { taken += frame.payload.count + Frame.headerLength }
                    #expect(decoder.bufferedCount == given - taken)
                }
            } catch {
                #expect(!error.text.isEmpty)
            }
        }
    }
}
