import Testing

@testable import AgentProtocol

@Suite struct HelloTests {
    let hello = Hello(bootID: "2f6d", token: [1, 2, 3], software: "vm-agent 0.1")

    @Test func aHelloSurvivesTheWire() throws {
        let bytes = hello.encoded()
        let decoded = try #require(try Hello.decode(bytes[...]))
        #expect(decoded.hello == hello)
        #expect(decoded.length == bytes.count)
    }

    @Test func everyProperBeginningAsksForMore() throws {
        let bytes = hello.encoded()
        for length in 0..<bytes.count {
            #expect(try Hello.decode(bytes[..<length]) == nil)
        }
    }

    @Test func aShellPromptIsNoHello() {
        #expect(throws: ProtocolError.notAHello) { try Hello.decode(ArraySlice("/ # ".utf8)) }
    }

    @Test func bytesAfterTheHelloAreLeftAlone() throws {
        let bytes = hello.encoded() + [0, 0, 0, 1]
        #expect(try Hello.decode(bytes[...])?.length == bytes.count - 4)
    }

    @Test func aHellosBytesAreTheProtocols() {
        func bytes(_ fields: [UInt8]) -> [UInt8] {
            [0x89, 0x56, 0x4D, 0x41, 0x0D, 0x0A, 0x1A, 0x0A, 0, 1, 0, UInt8(fields.count)] + fields
        }
        #expect(Hello().encoded() == bytes([]))
        #expect(Hello(bootID: "b").encoded() == bytes([1, 0, 0, 0, 1, 0x62]))
        #expect(Hello(token: [0xFF, 0]).encoded() == bytes([2, 0, 0, 0, 2, 0xFF, 0]))
        #expect(Hello(software: "é").encoded() == bytes([3, 0, 0, 0, 2, 0xC3, 0xA9]))
        #expect(Hello(refusal: "").encoded() == bytes([4, 0, 0, 0, 0]))
    }

    @Test func aRefusalIsOneEvenWithoutAReason() throws {
        #expect(try Hello.decode(Hello(refusal: "").encoded()[...])?.hello.refusal == "")
        #expect(try Hello.decode(Hello().encoded()[...])?.hello.refusal == nil)
    }

    @Test func theFirstByteThatDiffersIsEnoughToKnow() {
        for place in Hello.magic.indices {
            var bytes = Array(Hello.magic[...place])
            bytes[place] ^= 1
            #expect(throws: ProtocolError.notAHello) { try Hello.decode(bytes[...]) }
        }
    }

    @Test(arguments: [0, 2, 0xFFFF] as [UInt16]) func anotherVersionIsRefusedByItsNumber(_ version: UInt16) {
        let bytes = Hello.magic + [UInt8(version >> 8), UInt8(version & 255), 0, 0]
        #expect(throws: ProtocolError.unsupportedVersion(version)) { try Hello.decode(bytes[...]) }
    }

    @Test func aHelloOverItsLimitIsRefusedBeforeItsFieldsArrive() throws {
        let limit = Hello.maximumFieldsLength
        #expect(throws: ProtocolError.tooLong(length: limit + 1, limit: limit)) {
            try Hello.decode((Hello.magic + [0, 1, 4, 1])[...])
        }
        let fields: [UInt8] = [99, 0, 0, 3, 0xFB] + [UInt8](repeating: 7, count: limit - 5)
        #expect(try Hello.decode((Hello.magic + [0, 1, 4, 0] + fields)[...])?.length == 12 + limit)
    }

    @Test func aTokenOfMoreThan128BytesIsRefused() throws {
        #expect(throws: Never.self) { try Hello.decode(Hello(token: [UInt8](repeating: 1, count: 128)).encoded()[...]) }
        #expect(throws: ProtocolError.tooLong(length: 129, limit: 128)) {
            try Hello.decode(Hello(token: [UInt8](repeating: 1, count: 129)).encoded()[...])
        }
    }

    @Test func fieldsOfLaterVersionsArePassedOver() throws {
        let bytes = Hello.magic + [0, 1, 0, 13, 77, 0, 0, 0, 2, 1, 2, 1, 0, 0, 0, 1, 0x62]
        #expect(try Hello.decode(bytes[...])?.hello == Hello(bootID: "b"))
    }

    @Test(arguments: [[1, 0, 0, 0], [1, 0, 0, 0, 2, 0x62], [1, 0xFF, 0xFF, 0xFF, 0xFF, 0x62]] as [[UInt8]])
    func aFieldThatOverrunsTheHelloIsRefused(_ fields: [UInt8]) {
        let bytes = Hello.magic + [0, 1, 0, UInt8(fields.count)] + fields + [UInt8](repeating: 0, count: 64)
        #expect(throws: ProtocolError.truncated) { try Hello.decode(bytes[...]) }
    }

    @Test func aLongRefusalIsCutSoThatTheHelloIsStillOne() throws {
        let hello = try Hello.decode(Hello(refusal: String(repeating: "é", count: 5_000)).encoded()[...])?.hello
        #expect(hello?.refusal == String(repeating: "é", count: 256))
    }

    @Test(arguments: [5_000, 70_000]) func whateverTheTextsTheHelloThatWeSendIsOne(_ length: Int) throws {
        let long = String(repeating: "x", count: length)
        let decoded = try #require(try Hello.decode(Hello(bootID: long, token: [1], software: long, refusal: long).encoded()[...]))
        #expect(decoded.hello.token == [1])
        #expect(decoded.hello.refusal != nil)
    }
}
