// Compiled together with Sources/AgentProtocol and the first bytes of a link on either side by Tests/Fuzz/run.

/// The beginning of a link: a hello alone, found by the proxy among other bytes, and the proxy's answer found by the agent.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1, let start else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let input = Array(bytes[2...])
    // Single bytes where there are few: what waits for the rest of a hello is read anew with each piece.
    let piece = max(input.count / 64 + 1, Int(bytes[0]))
    decode(input[...])
    scan(input, piece: piece, releases: bytes[1] & 1 != 0)
    proxy(input, piece: piece, hasEnd: bytes[1] & 2 != 0)
    agent(input, piece: piece, takesPlainAnswer: bytes[1] & 4 != 0)
    return 0
}

private let token: [UInt8] = Array("token".utf8)

/// A hello either decodes, is incomplete, or is refused; what decodes encodes to what decodes to the same.
private func decode(_ bytes: ArraySlice<UInt8>) {
    do {
        guard let (hello, length) = try Hello.decode(bytes) else { return }
        precondition(length <= bytes.count)
        // Texts that were not UTF-8 have grown by their replacement characters, and may no longer fit.
        guard let (again, _) = try Hello.decode(hello.encoded()[...]) else { preconditionFailure("an encoded hello is incomplete") }
        precondition(again.token == hello.token && again.nonce == hello.nonce && again.transport == hello.transport)
    } catch {}
}

/// What the scanner hands on is what came, without the hellos, in order; it holds back no more than a hello has.
private func scan(_ bytes: [UInt8], piece: Int, releases: Bool) {
    var scanner = HelloScanner(token: token)
    var begin = 0
    var handedOn = 0
    func take(_ part: UnsafeRawBufferPointer) {
        precondition(part.elementsEqual(bytes[(begin + handedOn)..<(begin + handedOn + part.count)]))
        handedOn += part.count
    }
    inPieces(bytes, piece) { place, rest in
        let found = scanner.scan(rest, handOn: take)
        precondition(scanner.heldCount < 12 + Hello.maximumFieldsLength)
        guard let found else {
            if releases { scanner.release(handOn: take) }
            return rest.count
        }
        let end = place + found.used
        precondition(found.used > 0 && found.used <= rest.count && begin + handedOn <= end)
        if !releases {
            let again = try? Hello.decode(bytes[(begin + handedOn)...])
            precondition(again?.hello == found.hello && begin + handedOn + (again?.length ?? 0) == end)
        }
        (begin, handedOn) = (end, 0)
        return found.used
    }
    precondition(releases || begin + handedOn + scanner.heldCount == bytes.count)
}

/// The proxy gives yamux nothing that came before a hello, and nothing twice.
private func proxy(_ bytes: [UInt8], piece: Int, hasEnd: Bool) {
    var input = LinkInput(hasEnd: hasEnd, passedOverLimit: 256)
    var hellos = 0
    var forYamux = 0
    var isOver = false
    inPieces(bytes, piece) { _, rest in
        guard !isOver else { return rest.count }
        do throws(ProtocolError) {
            let found = try input.take(rest, token: token) { forYamux += $0.count }
            if found != nil { hellos += 1 } else { input.release { forYamux += $0.count } }
            precondition(hellos > 0 || forYamux == 0)
            precondition(found.map { $0.used > 0 && $0.used <= rest.count } ?? true)
            return found?.used ?? rest.count
        } catch { isOver = true }
        return rest.count
    }
    precondition(forYamux <= bytes.count)
}

/// The agent takes no answer but one that has its nonce, or a plain one where it may.
private func agent(_ bytes: [UInt8], piece: Int, takesPlainAnswer: Bool) {
    var greeting = Greeting(nonce: token, deadline: 10_000_000, takesPlainAnswer: takesPlainAnswer)
    var isOver = false
    inPieces(bytes, piece) { place, rest in
        guard !isOver else { return rest.count }
        if let (answer, left) = greeting.receive(rest, now: UInt64(place)) {
            precondition(left.count < rest.count && (takesPlainAnswer || bytes[..<(place + rest.count - left.count)].count > token.count))
            precondition(answer.nonce.count <= 16)
            isOver = true
        }
        precondition(greeting.nextDeadline <= greeting.deadline)
        return rest.count
    }
}

/// Feeds `bytes` in pieces; `take` says how many of what it was given it has used up, and is given the others again.
private func inPieces(_ bytes: [UInt8], _ piece: Int, _ take: (Int, UnsafeRawBufferPointer) -> Int) {
    bytes.withUnsafeBytes { all in
        var begin = 0
        while begin < all.count {
            let end = min(begin + piece, all.count)
            while begin < end { begin += take(begin, UnsafeRawBufferPointer(rebasing: all[begin..<end])) }
        }
    }
}
