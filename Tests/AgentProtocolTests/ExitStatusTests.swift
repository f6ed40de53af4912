import Testing

@testable import AgentProtocol

@Suite struct ExitStatusTests {
    @Test func everyExitCodeAndSignalSurvivesTheWire() throws {
        #expect(try ExitStatus(decoding: ExitStatus.timedOut.encoded()[...]) == .timedOut)
        for number in 0...UInt8.max {
            for status in [ExitStatus.exited(number), .signaled(number), .notStarted(code: number, reason: "no such program: é")] {
                #expect(try ExitStatus(decoding: status.encoded()[...]) == status)
            }
        }
    }

    @Test func anExitStatussBytesAreTheProtocols() {
        #expect(ExitStatus.exited(3).encoded() == [0, 3])
        #expect(ExitStatus.signaled(9).encoded() == [1, 9])
        #expect(ExitStatus.timedOut.encoded() == [3, 124])
        #expect(ExitStatus.notStarted(code: 127, reason: "no").encoded() == [2, 127, 0x6E, 0x6F])
    }

    @Test func aShellWouldShowTheSameCode() {
        #expect(ExitStatus.exited(0).shellCode == 0)
        #expect(ExitStatus.exited(255).shellCode == 255)
        #expect(ExitStatus.signaled(9).shellCode == 137)
        #expect(ExitStatus.notStarted(code: 126, reason: "").shellCode == 126)
        #expect(ExitStatus.timedOut.shellCode == 124)
    }

    @Test func aStatusCutShortOrOfAnUnknownKindIsRefused() {
        #expect(throws: ProtocolError.truncated) { try ExitStatus(decoding: []) }
        #expect(throws: ProtocolError.truncated) { try ExitStatus(decoding: [0]) }
        for kind in 4...UInt8.max {
            #expect(throws: ProtocolError.invalid("exit status kind")) { try ExitStatus(decoding: [kind, 0]) }
        }
    }
}
