import AgentProtocol
import Testing

@testable import Proxy

@Suite struct LinkInputTests {
    private let token: [UInt8] = Array(100...131)
    private var hello: Hello { Hello(bootID: "b", token: token, software: "vm-agent", nonce: [1], transport: .guestForward) }
    private var secondHello: Hello { Hello(bootID: "b", token: token, software: "vm-agent", nonce: [2], transport: .guestForward) }
    private let frames: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x89, 0x56, 0x4D, 0x41, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]

    /// What `input` makes of `pieces`: the hellos, and yamux's bytes after each.
    private func take(
        _ pieces: [[UInt8]], hasEnd: Bool = false, known: [UInt8]? = nil, limit: Int = 1 << 20
    ) throws -> (hellos: [Hello], yamux: [[UInt8]]) {
        var input = LinkInput(hasEnd: hasEnd, passedOverLimit: limit)
        var hellos: [Hello] = []
        var yamux: [[UInt8]] = []
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                let found = try rest.withUnsafeBytes { bytes in
                    try input.take(bytes, token: known ?? token) { yamux[yamux.count - 1] += $0 }
                }
                guard let found else { break }
                hellos.append(found.hello)
                yamux.append([])
                rest = rest.dropFirst(found.used)
            }
        }
        return (hellos, yamux)
    }

    @Test func anAgentThatBeginsAnewIsFoundWhereverItsLastFrameWasCut() throws {
        for cut in 0...frames.count {
            let bytes = hello.encoded() + frames + frames[..<cut] + secondHello.encoded() + frames
            let (hellos, yamux) = try take([bytes])
            #expect(hellos == [hello, secondHello])
            #expect(yamux == [frames + frames[..<cut], frames])
        }
    }

    @Test func piecesOfAnySizeAreTheSame() throws {
        let bytes = hello.encoded() + frames + frames[..<15] + secondHello.encoded() + frames
        for cut in 0...bytes.count {
            let (hellos, yamux) = try take([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(hellos == [hello, secondHello])
            #expect(yamux == [frames + frames[..<15], frames])
        }
        #expect(try take(bytes.map { [$0] }).yamux == [frames + frames[..<15], frames])
    }

    @Test func whatAnotherConnectionHasLeftIsPassedOver() throws {
        for start in 0...frames.count {
            let bytes = frames[start...] + hello.encoded() + frames
            for cut in bytes.indices {
                let (hellos, yamux) = try take([Array(bytes[..<cut]), Array(bytes[cut...])])
                #expect(hellos == [hello])
                #expect(yamux == [frames])
            }
        }
    }

    @Test func noMoreIsPassedOverThanTheLimit() throws {
        let rubbish = [UInt8](repeating: 7, count: 100)
        #expect(try take([rubbish + hello.encoded()], limit: 100).hellos == [hello])
        #expect(throws: ProtocolError.notAHello) { try take([rubbish + rubbish], limit: 100) }
    }

    @Test func aLinkWhoseTokenIsUnknownBeginsWithItsHello() throws {
        #expect(try take([hello.encoded() + frames], known: []).yamux == [frames])
        #expect(throws: ProtocolError.notAHello) { try take([frames + hello.encoded()], known: []) }
    }

    @Test func theHelloOfAnotherGuestIsData() throws {
        var other = hello
        other.token[31] ^= 1
        let (hellos, yamux) = try take([hello.encoded() + frames + other.encoded() + frames])
        #expect(hellos == [hello])
        #expect(yamux == [frames + other.encoded() + frames])
    }

    @Test func withoutATokenNothingInsideALinkIsAHello() throws {
        let bare = Hello(bootID: "b")
        #expect(try take([bare.encoded() + frames + bare.encoded()], known: []).yamux == [frames + bare.encoded()])
    }

    @Test func aChannelThatEndsWithItsConnectionHasOneHello() throws {
        #expect(try take([hello.encoded() + hello.encoded()], hasEnd: true).yamux == [hello.encoded()])
        #expect(throws: ProtocolError.notAHello) { try take([frames + hello.encoded()], hasEnd: true) }
    }

    @Test func anAgentOfAnotherVersionIsToldSo() {
        var bytes = hello.encoded()
        bytes[9] = 2
        #expect(throws: ProtocolError.unsupportedVersion(2)) { try take([bytes]) }
    }

    @Test func dataThatEndsLikeAHelloIsReleased() throws {
        var input = LinkInput(hasEnd: false, passedOverLimit: 0)
        var yamux: [UInt8] = []
        let bytes = hello.encoded() + frames + [0x89]
        let found = try bytes.withUnsafeBytes { try input.take($0, token: token) { yamux += $0 } }
        let rest = bytes[(found?.used ?? 0)...]
        _ = try rest.withUnsafeBytes { try input.take($0, token: token) { yamux += $0 } }
        #expect(yamux == frames)
        #expect(input.heldCount == 1)
        input.release { yamux += $0 }
        #expect(yamux == frames + [0x89])
        #expect(input.heldCount == 0)
    }
}
