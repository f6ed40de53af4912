import Glibc
import Testing

@testable import Yamux

/// Two connections joined by a lossless pipe that is cut in random pieces, and applications that do random things.
final class Conversation {
    /// One direction of one stream.
    struct Flow: Hashable {
        var stream: UInt32
        var fromClient: Bool
    }

    /// What the sending application means to say, and what the receiving one heard.
    struct Progress {
        var planned = 0
        var sent = 0
        var received = 0
        var unconsumed = 0
        var isFinishing = false
        var saidFinish = false
        var heardFinish = false
        /// The receiving application does not read now.
        var isStopped = false
    }

    private var random: SeededGenerator
    private let sides: [Bool: Side]
    private var pipes: [Bool: [UInt8]] = [true: [], false: []]
    private var flows: [Flow: Progress] = [:]
    /// Streams that either side has reset: what was on its way may be lost.
    private var broken: Set<UInt32> = []
    private var now: UInt64 = 0
    private let limits: YamuxLimits

    init(seed: UInt64, limits: YamuxLimits = YamuxLimits()) {
        random = SeededGenerator(seed: seed)
        self.limits = limits
        sides = [true: Side(.client, limits: limits), false: Side(.server, limits: limits)]
        sides[true]?.yamux.roundTrip = 1000
        sides[false]?.yamux.roundTrip = 1000
    }

    /// What everyone says, again and again, each flow beginning somewhere else. The period is a prime, so that bytes which are
    /// lost or doubled show.
    private static let period = 65_521
    private static let text: [UInt8] = {
        var random = SeededGenerator(seed: 1)
        let words = (0..<period).map { _ in UInt8.random(in: 0...255, using: &random) }
        return words + words + words
    }()

    private static func bytes(of flow: Flow, from offset: Int, count: Int) -> ArraySlice<UInt8> {
        let start = (offset + Int(flow.stream) * 331 + (flow.fromClient ? 7919 : 0)) % period
        return text[start..<start + count]
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private func live(fromClient: Bool) -> [Flow] {
        flows.keys.filter { $0.fromClient == fromClient && !broken.contains($0.stream) }.sorted { $0.stream < $1.stream }
    }

    // MARK: Steps

    /// One random act of one side, and a random piece of what is on its way.
    func step() throws {
        let client = chance(50)
        now += UInt64.random(in: 0...700, using: &random)
        sides[client]?.yamux.advance(to: now)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6: if let stream = try? sides[client]?.open() { begin(stream) }
        case 6..<40:
            if let flow = live(fromClient: client).randomElement(using: &random), flows[flow]?.isFinishing == false {
                flows[flow]?.planned += Int.random(in: 0...(chance(10) ? 600_000 : 5000), using: &random)
                pump(flow)
            }
        case 40..<44:
            if let flow = live(fromClient: client).randomElement(using: &random) {
                flows[flow]?.isFinishing = true
                pump(flow)
            }
        case 44..<60:
            if let flow = live(fromClient: !client).randomElement(using: &random) { flows[flow]?.isStopped.toggle() }
        case 60..<62:
            // A side can only end what it has heard of.
            if let flow = live(fromClient: client).randomElement(using: &random), sides[client]?.yamux.streams[flow.stream] != nil {
                broken.insert(flow.stream)
                sides[client]?.reset(flow.stream)
            }
        case 62..<64: sides[client]?.ping(UInt32.random(in: 0...99, using: &random))
        case 64: sides[client]?.yamux.limitExtraWindow(to: chance(50) ? 0 : .max)
        default: break
        }
        consume(client)
        if chance(80) { write(client) }
        try deliver(from: chance(50), upTo: chance(20) ? 30 : 100_000)
    }

    /// All readers read, all that is on its way arrives, everyone finishes.
    func settle() throws {
        for flow in Array(flows.keys) {
            flows[flow]?.isStopped = false
            flows[flow]?.isFinishing = true
        }
        // Asked once; from here on only events make anyone go on.
        for flow in Array(flows.keys) { pump(flow) }
        var quietRounds = 0
        while quietRounds < 3 {
            var moved = false
            for client in [true, false] {
                consume(client)
                write(client)
                moved = moved || pipes[client]?.isEmpty == false
                try deliver(from: client, upTo: 50_000)
            }
            quietRounds = moved ? 0 : quietRounds + 1
        }
    }

    func expectAllArrived() {
        for (flow, progress) in flows where !broken.contains(flow.stream) {
            #expect(progress.sent == progress.planned, "\(flow)")
            #expect(progress.received == progress.planned, "\(flow)")
            #expect(progress.heardFinish, "\(flow)")
        }
        for side in sides.values {
            #expect(side.streamCount == 0)
            #expect(side.outputCount == 0)
            #expect(side.yamux.extraWindowInUse == 0)
            #expect(!side.hasEvents)
        }
    }

    // MARK: Applications

    private func begin(_ stream: UInt32) {
        for fromClient in [true, false] { flows[Flow(stream: stream, fromClient: fromClient)] = Progress() }
    }

    /// Sends what is planned as far as the stream takes it, then FIN.
    private func pump(_ flow: Flow) {
        guard var progress = flows[flow], !progress.saidFinish, sides[flow.fromClient]?.yamux.streams[flow.stream] != nil else { return }
        if progress.sent < progress.planned {
            let count = min(progress.planned - progress.sent, 100_000)
            let bytes = Conversation.bytes(of: flow, from: progress.sent, count: count)
            progress.sent += sides[flow.fromClient]?.send(flow.stream, Array(bytes)) ?? 0
        }
        if progress.isFinishing, progress.sent == progress.planned {
            progress.saidFinish = true
            sides[flow.fromClient]?.finish(flow.stream)
        }
        flows[flow] = progress
    }

    private func consume(_ client: Bool) {
        for flow in live(fromClient: !client) {
            guard let progress = flows[flow], !progress.isStopped, progress.unconsumed > 0 else { continue }
            let count = chance(30) ? Int.random(in: 1...progress.unconsumed, using: &random) : progress.unconsumed
            flows[flow]?.unconsumed -= count
            sides[client]?.consumed(flow.stream, count)
        }
    }

    // MARK: The pipe

    private func write(_ client: Bool) {
        while let count = sides[client]?.outputCount, count > 0 {
            let streams = sides[client]?.streamCount ?? 0
            #expect(count <= limits.preferredOutput * 2 + (streams + 64) * 5000 + limits.maximumControlOutput)
            pipes[client]? += sides[client]?.takeOutput() ?? []
            handleEvents(client)
            if chance(30) { break }
        }
    }

    private func deliver(from client: Bool, upTo most: Int) throws {
        guard let pipe = pipes[client], !pipe.isEmpty else { return }
        let count = Int.random(in: 1...min(most, pipe.count), using: &random)
        try sides[!client]?.receive(Array(pipe[..<count]))
        pipes[client]?.removeFirst(count)
        handleEvents(!client)
    }

    private func handleEvents(_ client: Bool) {
        while let event = sides[client]?.nextEvent() {
            switch event {
            case .opened(let stream):
                #expect(flows[Flow(stream: stream, fromClient: client)] != nil)
                pump(Flow(stream: stream, fromClient: client))
            case .data(let stream, let bytes): heard(Flow(stream: stream, fromClient: !client), bytes)
            case .finished(let stream):
                let flow = Flow(stream: stream, fromClient: !client)
                #expect(flows[flow]?.heardFinish == false)
                if !broken.contains(stream) { #expect(flows[flow]?.saidFinish == true && flows[flow]?.received == flows[flow]?.sent) }
                flows[flow]?.heardFinish = true
            case .reset(let stream): broken.insert(stream)
            case .writable(let stream): pump(Flow(stream: stream, fromClient: client))
            case .pong(let value): #expect(value < 100)
            case .goAway: Issue.record("nobody goes away")
            }
        }
    }

    private func heard(_ flow: Flow, _ bytes: ArraySlice<UInt8>) {
        guard var progress = flows[flow] else {
            Issue.record("data of a stream that nobody opened: \(flow)")
            return
        }
        #expect(!progress.heardFinish)
        // Comparing arrays element by element is slow in a debug build.
        let expected = Conversation.bytes(of: flow, from: progress.received, count: bytes.count)
        let isRight = bytes.withUnsafeBytes { one in
            expected.withUnsafeBytes { other in
                guard let one = one.baseAddress, let other = other.baseAddress else { return bytes.isEmpty }
                return memcmp(one, other, bytes.count) == 0
            }
        }
        #expect(isRight, "\(flow) at \(progress.received)")
        progress.received += bytes.count
        progress.unconsumed += bytes.count
        flows[flow] = progress
    }
}
