import AgentProtocol

/// A guest that attacks its proxy. For tests, and for the benchmark of what the other guests feel of it.
public struct HostileGuest: Sendable {
    private let path: String

    /// A guest whose link socket is at `path`.
    public init(linkSocket path: String) { self.path = path }

    /// Attacks until the proxy closes the link, or `isOver`.
    public func run(_ attack: Attack, until isOver: () -> Bool) throws {
        switch attack {
        case .links, .silentLinks: return connectWithoutEnd(hello: attack == .links, isOver)
        case .noHello, .halfHello:
            let link = try HostileLink(path)
            let bytes = attack == .noHello ? HostileGuest.garbage : Array(Hello.magic)
            if link.send(bytes, until: isOver) { link.idle(until: isOver) }
        default:
            let link = try HostileLink(path)
            if link.greet(until: isOver) { perform(attack, link, isOver) }
        }
    }

    private func perform(_ attack: Attack, _ link: HostileLink, _ isOver: () -> Bool) {
        let repeated: [UInt8]
        switch attack {
        case .beyondWindow, .tinyPieces, .neverReads: return useStreams(attack, link, isOver)
        case .reports, .longReport: return report(attack, link, isOver)
        case .streams, .churn: return openStreams(attack, link, isOver)
        case .halfFrame:
            if link.send([0, 0, 0], until: isOver) { link.idle(until: isOver) }
            return
        case .windowOverflow: repeated = HostileLink.header(1, stream: 2, length: .max)
        case .pings: repeated = (0..<1000).flatMap { HostileLink.header(2, 1, stream: 0, length: $0) }
        case .hellos: repeated = Hello(bootID: "hostile", token: Array(1...32), nonce: [1]).encoded()
        default: repeated = HostileGuest.garbage
        }
        while link.send(repeated, until: isOver) {}
    }

    private static var garbage: [UInt8] { (0..<65_536).map { _ in UInt8.random(in: 1...255) } }

    private func openStreams(_ attack: Attack, _ link: HostileLink, _ isOver: () -> Bool) {
        var stream: UInt32 = 1
        var isSent = true
        while isSent {
            var bytes: [UInt8] = []
            for _ in 0..<500 {
                bytes += HostileLink.header(1, 1, stream: stream, length: 0)
                if attack == .churn {
                    bytes += HostileLink.header(0, 4, stream: stream, length: 1) + [0] + HostileLink.header(1, 8, stream: stream, length: 0)
                }
                stream += 2
            }
            isSent = link.send(bytes, until: isOver)
        }
    }

    private func report(_ attack: Attack, _ link: HostileLink, _ isOver: () -> Bool) {
        guard link.awaitStreams(1, until: isOver) else { return }
        let events: UInt32 = 2
        if attack == .longReport {
            let frame = Frame.header(.step, length: 200 << 10) + [UInt8](repeating: 65, count: 200 << 10)
            _ = link.send(HostileLink.header(0, 2, stream: events, length: UInt32(frame.count)) + frame, until: isOver)
            return link.idle(until: isOver)
        }
        var index: UInt16 = 0
        while true {
            let text = String(repeating: "\u{1B}]0;\u{7}\u{9B}x\n", count: 60) + "\(index)"
            let step = StepReport(index: index % 300, outcome: .warned, uptime: UInt64(index), name: text, detail: text)
            let frame = Frame(.step, ArraySlice(step.encoded())).encoded()
            index &+= 1
            guard let left = link.credit[events], left >= frame.count else {
                guard link.awaitInput(until: isOver) else { return }
                continue
            }
            link.spend(frame.count, of: events)
            guard link.send(HostileLink.header(0, 2, stream: events, length: UInt32(frame.count)) + frame, until: isOver) else { return }
        }
    }

    /// The first stream is the proxy's own, for reports; two clients have the next.
    private func useStreams(_ attack: Attack, _ link: HostileLink, _ isOver: () -> Bool) {
        guard link.awaitStreams(3, until: isOver) else { return }
        let accepted = Frame(.accepted).encoded()
        for stream: UInt32 in [4, 6] {
            link.spend(accepted.count, of: stream)
            let bytes = HostileLink.header(0, 2, stream: stream, length: UInt32(accepted.count)) + accepted
            guard link.send(bytes, until: isOver) else { return }
        }
        switch attack {
        case .neverReads: link.stall(until: isOver)
        case .beyondWindow:
            let piece = HostileLink.header(0, stream: 4, length: 32 << 10) + [UInt8](repeating: 65, count: 32 << 10)
            while link.send(piece, until: isOver) {}
        default:
            let pair = HostileLink.header(0, stream: 4, length: 1) + [65] + HostileLink.header(0, stream: 6, length: 1) + [66]
            while !isOver() {
                let count = min(2000, link.credit[4] ?? 0, link.credit[6] ?? 0)
                if count == 0 {
                    guard link.awaitInput(until: isOver) else { return }
                    continue
                }
                for stream: UInt32 in [4, 6] { link.spend(count, of: stream) }
                let bytes = Array(repeatElement(pair, count: count).joined())
                guard link.send(bytes, until: isOver) else { return }
            }
        }
    }

    private func connectWithoutEnd(hello: Bool, _ isOver: () -> Bool) {
        var links: [HostileLink] = []
        while !isOver() {
            guard let link = try? HostileLink(path) else { continue }
            _ = hello ? link.greet(until: isOver) : link.send([Hello.magic[0]], until: isOver)
            links.append(link)
            // More than the 128 that may wait to be accepted: else a slow proxy sees only those that are closed by then.
            if links.count > 256 { links.removeFirst() }
        }
    }
}
