import HostTools
import Testing

@testable import AgentProtocol

/// Bytes from the other side of a link are a stranger's: every decoder answers with a value or an error.
@Suite struct DecoderFuzzTests {
    static let seeds: [[UInt8]] = [
        Hello(bootID: "2f6d", token: [1, 2, 3], software: "vm-agent 0.1").encoded(), Hello(refusal: "no").encoded(),
        CommandTests.full.encoded(), ReportTests.step.encoded(), ReportTests.boot.encoded(),
        ExitStatus.notStarted(code: 127, reason: "no").encoded(),
    ]

    @Test(arguments: 0..<32) func randomAndDamagedBytesNeverTrapADecoder(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<400 {
            var bytes = DecoderFuzzTests.seeds[round % DecoderFuzzTests.seeds.count]
            if round % 7 == 0 { bytes = random.bytes(Int.random(in: 0...64, using: &random)) }
            for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.removeSubrange(place...)
                default: bytes.insert(contentsOf: random.bytes(3), at: place)
                }
            }
            check(bytes[...])
        }
    }

    private func check(_ bytes: ArraySlice<UInt8>) {
        // What is accepted is no larger than what was sent, and means the same when it is sent again.
        if let (hello, length) = try? Hello.decode(bytes) {
            #expect(length <= bytes.count)
            #expect(hello.token.count <= 128)
            #expect((try? Hello.decode(hello.encoded()[...]))?.hello.token == hello.token)
        }
        if let command = try? Command(decoding: bytes) {
            #expect((command.arguments + command.environment).reduce(0) { $0 + $1.count } <= bytes.count)
            #expect((try? Command(decoding: command.encoded()[...])) == command)
        }
        if let status = try? ExitStatus(decoding: bytes) { #expect((try? ExitStatus(decoding: status.encoded()[...])) == status) }
        if let report = try? StepReport(decoding: bytes) { #expect((try? StepReport(decoding: report.encoded()[...])) == report) }
        if let report = try? BootReport(decoding: bytes) { #expect((try? BootReport(decoding: report.encoded()[...])) == report) }
    }

    @Test func aReaderStopsAtItsSlicesEndAndNotAtTheArrays() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        var reader = ByteReader(bytes[2..<5])
        #expect(try reader.readUInt16() == 0x0304)
        #expect(reader.remaining == 1)
        #expect(throws: ProtocolError.truncated) { try reader.readUInt16() }
    }
}
