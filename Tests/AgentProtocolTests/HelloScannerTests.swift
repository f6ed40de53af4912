import Testing

@testable import AgentProtocol

@Suite struct HelloScannerTests {
    let token: [UInt8] = Array(1...32)
    var hello: Hello { Hello(bootID: "2f6d", token: token, software: "vm-agent 0.1", nonce: [9, 8, 7], transport: .virtioSerial) }
    /// An abandoned frame's data, with pieces of the magic in it.
    let data: [UInt8] = Array("text \u{89}".utf8) + [0x89, 0x56, 0x0A, 0x89, 0x89, 0x56, 0x4D, 0x41, 0x0D, 0x0A, 0x1A, 0x0D, 0, 0]

    /// Scans pieces in turn; gives the hellos, and all other bytes with a mark where each hello was.
    private func scan(_ pieces: [ArraySlice<UInt8>], _ scanner: HelloScanner) -> (hellos: [Hello], others: [[UInt8]], held: Int) {
        var scanner = scanner
        var hellos: [Hello] = []
        var others: [[UInt8]] = [[]]
        for piece in pieces {
            piece.withUnsafeBytes { buffer in
                var rest = buffer
                while true {
                    let found = scanner.scan(rest) { others[others.count - 1] += $0 }
                    guard let found else { break }
                    hellos.append(found.hello)
                    others.append([])
                    rest = UnsafeRawBufferPointer(rebasing: rest[found.used...])
                }
            }
        }
        return (hellos, others, scanner.heldCount)
    }

    @Test func aHelloIsFoundWhereverTheBytesAreCut() {
        let bytes = data + hello.encoded() + data + hello.encoded() + [1, 2, 3]
        for first in 0...bytes.count {
            for second in stride(from: first, through: bytes.count, by: first % 7 + 5) {
                let (hellos, others, held) = scan([bytes[..<first], bytes[first..<second], bytes[second...]], HelloScanner(token: token))
                #expect(hellos == [hello, hello])
                #expect(others == [data, data, [1, 2, 3]])
                #expect(held == 0)
            }
        }
    }

    @Test func aHelloIsFoundAfterAFrameCutAnywhere() {
        let frame = data + hello.encoded() + data
        for cut in 0...frame.count {
            // The abandoned frame may itself be a hello that was being written when its writer died.
            let wholeHellos = cut >= data.count + hello.encoded().count ? 2 : 1
            #expect(scan([frame[..<cut], hello.encoded()[...]], HelloScanner(token: token)).hellos.count == wholeHellos)
        }
    }

    @Test func bytesArrivingOneByOneAreTheSame() {
        let bytes = data + hello.encoded() + data
        let (hellos, others, _) = scan(bytes.indices.map { bytes[$0...$0] }, HelloScanner(token: token))
        #expect(hellos == [hello])
        #expect(others == [data, data])
    }

    @Test func aHelloWithoutTheSecretIsData() {
        for other in [
            Hello(bootID: "2f6d", token: Array(2...33), software: "x"), Hello(bootID: "2f6d"), Hello(token: Array(token.dropLast())),
            Hello(token: token + [0]), Hello(nonce: token), Hello(),
        ] {
            let bytes = other.encoded() + data
            let (hellos, others, _) = scan([bytes[...]], HelloScanner(token: token))
            #expect(hellos.isEmpty)
            #expect(others == [bytes])
        }
    }

    @Test func anAnswerToAnEarlierHelloIsNotTaken() {
        let earlier = Hello(software: "vm-proxy", nonce: [1, 1])
        let answer = Hello(software: "vm-proxy", nonce: [2, 2], refusal: "why")
        #expect(scan([earlier.encoded() + answer.encoded()][...].map { $0[...] }, HelloScanner(nonce: [2, 2])).hellos == [answer])
    }

    @Test func theBeginningOfAHelloIsHeldAndDataIsNot() {
        let (_, others, held) = scan([data + hello.encoded().dropLast()], HelloScanner(token: token))
        #expect(others == [data])
        #expect(held == hello.encoded().count - 1)
        #expect(scan([data[...]], HelloScanner(token: token)).held == 0)
    }

    @Test func whatWasReleasedIsHandedOnOnceAndTheHelloStillFound() {
        let bytes = hello.encoded()
        for cut in 1..<bytes.count {
            var scanner = HelloScanner(token: token)
            var others: [UInt8] = []
            let first = bytes[..<cut].withUnsafeBytes { scanner.scan($0) { others += $0 } }
            #expect(first == nil)
            scanner.release { others += $0 }
            scanner.release { others += $0 }
            #expect(scanner.heldCount == 0)
            let second = bytes[cut...].withUnsafeBytes { scanner.scan($0) { others += $0 } }
            #expect(second?.hello == hello)
            #expect(second?.used == bytes.count - cut)
            #expect(others == Array(bytes[..<cut]))
        }
    }

    @Test func releasedDataThatWasNoHelloIsNotRepeated() {
        var scanner = HelloScanner(token: token)
        var others: [UInt8] = []
        let pieces: [[UInt8]] = [[1, 0x89, 0x56, 0x4D], [0x41, 0x0D], [7, 8]]
        for piece in pieces {
            let found = piece.withUnsafeBytes { scanner.scan($0) { others += $0 } }
            #expect(found == nil)
            scanner.release { others += $0 }
        }
        #expect(others == pieces.flatMap { $0 })
    }

    @Test func aFieldThatOverrunsItsHelloMakesItData() {
        var bytes = hello.encoded()
        // The fields' length, cut short in the middle of the token.
        bytes[10] = 0
        bytes[11] = 20
        #expect(scan([bytes[...]], HelloScanner(token: token)).hellos.isEmpty)
    }

    @Test func theSearchFindsWhatASimpleOneFinds() {
        var generator = SystemRandomNumberGenerator()
        let alphabet: [UInt8] = Hello.magic + [0, 0x0A, 0x0A]
        for _ in 0..<2_000 {
            let bytes = (0..<40).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            let simple = bytes.indices.first { index in zip(bytes[index...], Hello.magic).allSatisfy { $0 == $1 } }
            #expect(bytes.withUnsafeBytes { HelloScanner.firstCandidate(in: $0, from: 0) } == simple, "\(bytes)")
        }
    }
}
