import Testing

@testable import AgentProtocol

@Suite struct ReportTests {
    static let step = StepReport(index: 0x0102, outcome: .warned, uptime: 0x0304_0506_0708_090A, name: "net", detail: "é\n")
    static let boot = BootReport(state: .failed, uptime: 1, detail: "why")

    @Test func aStepReportsBytesAreTheProtocols() throws {
        let bytes: [UInt8] = [1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 0, 3, 0x6E, 0x65, 0x74, 0xC3, 0xA9, 0x0A]
        #expect(ReportTests.step.encoded() == bytes)
        #expect(try StepReport(decoding: bytes[...]) == ReportTests.step)
    }

    @Test func aBootReportsBytesAreTheProtocols() throws {
        let bytes: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0, 1, 0x77, 0x68, 0x79]
        #expect(ReportTests.boot.encoded() == bytes)
        #expect(try BootReport(decoding: bytes[...]) == ReportTests.boot)
    }

    @Test func everyOutcomeAndStateHasItsNumberForEver() {
        #expect((0..<8).map { StepOutcome(rawValue: $0) } == [.started, .succeeded, .failed, .warned, nil, nil, nil, nil])
        #expect((0..<8).map { BootState(rawValue: $0) } == [.booting, .ready, .failed, .poweringOff, nil, nil, nil, nil])
    }

    @Test func aReportCutInsideItsFixedPartIsRefused() {
        let step = ReportTests.step.encoded()
        for length in 0..<16 { #expect(throws: ProtocolError.truncated) { try StepReport(decoding: step[..<length]) } }
        let boot = ReportTests.boot.encoded()
        for length in 0..<9 { #expect(throws: ProtocolError.truncated) { try BootReport(decoding: boot[..<length]) } }
        // The detail takes what there is.
        for length in 16...step.count { #expect(throws: Never.self) { try StepReport(decoding: step[..<length]) } }
        for length in 9...boot.count { #expect(throws: Never.self) { try BootReport(decoding: boot[..<length]) } }
    }

    /// The proxy calculates with it, and a trap there would end every guest's links.
    @Test func anUptimeThatNoMachineReachesIsRefused() {
        for uptime in [UInt64.max, 1 << 62] {
            #expect(throws: ProtocolError.invalid("uptime")) { try AgentReport(decoding: AgentReport(uptime: uptime).encoded()[...]) }
            let step = StepReport(index: 0, outcome: .started, uptime: uptime, name: "", detail: "").encoded()
            #expect(throws: ProtocolError.invalid("uptime")) { try StepReport(decoding: step[...]) }
            let boot = BootReport(state: .ready, uptime: uptime, detail: "").encoded()
            #expect(throws: ProtocolError.invalid("uptime")) { try BootReport(decoding: boot[...]) }
        }
    }

    @Test func aValueThatDoesNotExistIsRefused() {
        for number in 4...UInt8.max {
            #expect(throws: ProtocolError.invalid("step outcome")) {
                try StepReport(decoding: [0, 0, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            }
            #expect(throws: ProtocolError.invalid("boot state")) { try BootReport(decoding: [number, 0, 0, 0, 0, 0, 0, 0, 0]) }
        }
    }

    @Test func aNameLongerThanItsPayloadIsRefused() {
        #expect(throws: ProtocolError.truncated) { try StepReport(decoding: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1]) }
    }

    @Test func theLongestTextsStillFitAPacketOfTheBootChannel() throws {
        let long = String(repeating: "x", count: 100_000)
        let step = try StepReport(decoding: StepReport(index: 1, outcome: .failed, uptime: 2, name: long, detail: long).encoded()[...])
        #expect(step.name.utf8.count == 256)
        #expect(step.detail.utf8.count == 4096)
        #expect(try BootReport(decoding: BootReport(state: .failed, uptime: 2, detail: long).encoded()[...]).detail.utf8.count == 4096)
    }
}
