import HostTools
import Testing

@testable import AgentProtocol

@Suite struct CommandTests {
    static let full = Command(
        arguments: [Array("sh".utf8), Array("-c".utf8), [], [0xFF, 0x20, 0x0A, 0x22]],
        environment: [Array("A=".utf8), Array("B=x=y".utf8), [0x43, 0x3D, 0xFE]], workingDirectory: Array("/tmp".utf8), wantsInput: false)

    @Test func aCommandSurvivesTheWireByteForByte() throws {
        #expect(try Command(decoding: CommandTests.full.encoded()[...]) == CommandTests.full)
        let plain = Command(arguments: [Array("true".utf8)])
        let decoded = try Command(decoding: plain.encoded()[...])
        #expect(decoded == plain)
        #expect(decoded.wantsInput)
        #expect(decoded.workingDirectory == nil)
    }

    @Test func aCommandsBytesAreTheProtocols() {
        let command = Command(
            arguments: [[0x61], []], environment: [[0x62, 0x3D]], workingDirectory: [0x2F], wantsInput: false)
        #expect(
            command.encoded() == [
                1, 0, 0, 0, 1, 0x61,  //
                1, 0, 0, 0, 0,  //
                2, 0, 0, 0, 2, 0x62, 0x3D,  //
                3, 0, 0, 0, 1, 0x2F,  //
                4, 0, 0, 0, 0,
            ])
    }

    @Test func aCommandCutInsideAFieldIsRefused() throws {
        let bytes = CommandTests.full.encoded()
        var ends: Set<Int> = [0]
        var position = 0
        while position < bytes.count {
            position += 5 + Int(bytes[position + 4])
            ends.insert(position)
        }
        for length in 0..<bytes.count {
            if ends.contains(length), length > 0 {
                #expect(throws: Never.self) { try Command(decoding: bytes[..<length]) }
            } else {
                #expect(throws: length == 0 ? ProtocolError.invalid("arguments") : .truncated) { try Command(decoding: bytes[..<length]) }
            }
        }
    }

    @Test func aCommandWithoutArgumentsIsRefused() {
        #expect(throws: ProtocolError.invalid("arguments")) { try Command(decoding: [4, 0, 0, 0, 0]) }
    }

    @Test(arguments: [1, 2, 3] as [UInt8]) func noStringMayHoldAZeroByte(_ tag: UInt8) {
        #expect(throws: ProtocolError.invalid("zero byte in a string")) {
            try Command(decoding: [tag, 0, 0, 0, 3, 0x3D, 0, 0x61])
        }
    }

    @Test func aVariableWithoutAnEqualsSignIsRefused() {
        #expect(throws: ProtocolError.invalid("environment variable without '='")) { try Command(decoding: [2, 0, 0, 0, 1, 0x41]) }
    }

    @Test func anUnknownFieldIsRefusedForTheClientMustNotBelieveItWasObeyed() {
        for tag in (0...UInt8.max) where !(1...9).contains(tag) {
            #expect(throws: ProtocolError.invalid("command field \(tag)")) {
                try Command(decoding: [1, 0, 0, 0, 1, 0x61, tag, 0, 0, 0, 0])
            }
        }
    }

    @Test func aFieldThatClaimsMoreThanThereIsIsRefused() {
        #expect(throws: ProtocolError.truncated) { try Command(decoding: [1, 0xFF, 0xFF, 0xFF, 0xFF, 0x61]) }
    }

    @Test func aSliceIsReadFromItsOwnBeginning() throws {
        let bytes = [9, 9, 9] + CommandTests.full.encoded()
        #expect(try Command(decoding: bytes.dropFirst(3)) == CommandTests.full)
    }
}
