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
}
