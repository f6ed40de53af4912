import Testing

@testable import AgentProtocol

@Suite struct ClientFramesTests {
    private func frames(_ frames: inout ClientFrames, _ bytes: [UInt8]) throws -> [Frame] {
        frames.append(bytes[...])
        var found: [Frame] = []
        while let frame = try frames.next() { found.append(frame) }
        return found
    }

    private let input = Frame(.standardInput, [1, 2, 3, 4, 5, 6])

    @Test func inputComesAsFarAsItIsThere() throws {
        var client = ClientFrames()
        let bytes = input.encoded()
        #expect(try frames(&client, Array(bytes[..<7])) == [Frame(.standardInput, [1, 2])])
        #expect(try frames(&client, Array(bytes[7..<8])) == [Frame(.standardInput, [3])])
        let end = Frame(.endOfInput)
        #expect(try frames(&client, Array(bytes[8...]) + end.encoded()) == [Frame(.standardInput, [4, 5, 6]), end])
    }

    @Test func aHeaderInTwoPiecesWaitsForItsFrame() throws {
        var client = ClientFrames()
        let bytes = input.encoded()
        #expect(try frames(&client, Array(bytes[..<3])) == [])
        #expect(try frames(&client, Array(bytes[3..<8])) == [])
        #expect(try frames(&client, Array(bytes[8...]) + bytes) == [input, input])
    }

    @Test func otherFramesComeWholeAndInOrder() throws {
        let signal = Frame(.signal, [2])
        let resize = Frame(.resize, TerminalSize(rows: 3, columns: 4).encoded()[...])
        var client = ClientFrames()
        let bytes = signal.encoded() + input.encoded() + resize.encoded()
        #expect(try frames(&client, Array(bytes[..<(bytes.count - 1)])) == [signal, input])
        #expect(try frames(&client, Array(bytes[(bytes.count - 1)...]) + input.encoded()) == [resize, input])
    }

    @Test func bytesThatCameWithTheRequestComeFirst() throws {
        var decoder = FrameDecoder()
        decoder.append(input.encoded() + input.encoded().prefix(8))
        var client = ClientFrames(decoder)
        #expect(try frames(&client, Array(input.encoded().dropFirst(8))) == [input, input])
    }

    @Test func emptyInputIsAFrame() throws {
        var client = ClientFrames()
        #expect(try frames(&client, Frame(.standardInput).encoded()) == [Frame(.standardInput)])
    }

    @Test func aLengthOverTheLimitIsRefused() throws {
        var client = ClientFrames()
        client.append([FrameType.standardInput.rawValue, 0, 0x20, 0, 0])
        #expect(throws: ProtocolError.tooLong(length: 2 << 20, limit: 1 << 20)) { try client.next() }
    }

    /// However the bytes are cut, it is what the other decoder gives, but for the ends of the input's frames.
    @Test(arguments: 1...40) func piecesOfAnySizeGiveTheSame(_ piece: Int) throws {
        let all = [Frame(.signal, [9]), input, Frame(.standardInput), input, Frame(.endOfInput), Frame(.signal, [1]), input]
        let bytes = all.flatMap { $0.encoded() }
        var client = ClientFrames()
        var found: [Frame] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            found += try frames(&client, Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        #expect(found.filter { $0.type != .standardInput } == all.filter { $0.type != .standardInput })
        #expect(found.filter { $0.type == .standardInput }.flatMap(\.payload) == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
    }
}
