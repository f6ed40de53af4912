import CLinux
import LinuxSystem
import Yamux

/// Writes on many streams at once and reads back from a peer that echoes, comparing every byte.
final class EchoDriver {
    private struct Conversation {
        var sent = 0
        var received = 0
        var isFinished = false
        /// Reset when so much was sent.
        var resetAt: Int?
    }

    private let scenario: String
    private let options: Options
    private let each: Int
    private var open: [UInt32: Conversation] = [:]
    private var begun = 0
    private var bytes = 0
    private var resets = 0
    private var refusals = 0

    init(_ scenario: String, _ options: Options) {
        (self.scenario, self.options) = (scenario, options)
        each = options.bytes / options.streams
    }

    func run(_ wire: Wire) throws(Fault) {
        let start = Uptime.microseconds
        try begin(wire)
        while !open.isEmpty || wire.yamux.streamCount > 0 {
            try wire.turn { event throws(Fault) in try self.handle(event, wire) }
            if wire.isOver { throw Fault(text: "\(scenario): the peer left with \(open.count) streams open") }
            try begin(wire)
        }
        let milliseconds = (Uptime.microseconds - start) / 1000
        print("\(scenario) streams=\(begun) bytes=\(bytes) resets=\(resets) refused=\(refusals) milliseconds=\(milliseconds)")
    }

    private func begin(_ wire: Wire) throws(Fault) {
        while begun < options.streams, open.count < options.parallel {
            let stream: UInt32
            do throws(YamuxError) { stream = try wire.yamux.open() } catch { throw Fault(text: "open: \(error.text)") }
            open[stream] = Conversation(resetAt: scenario == "reset" && begun % 3 == 1 ? each / 2 : nil)
            begun += 1
            pump(stream, wire)
        }
    }

    private func handle(_ event: YamuxEvent, _ wire: Wire) throws(Fault) {
        switch event {
        case .data(let stream, let data):
            wire.yamux.consumed(stream, data.count)
            guard var conversation = open[stream] else { return }
            guard conversation.received + data.count <= each, Text.matches(data, stream, conversation.received) else {
                throw Fault(text: "stream \(stream): the \(data.count) bytes from \(conversation.received) on are not what was sent")
            }
            conversation.received += data.count
            open[stream] = conversation
            finishIfDone(stream, wire)
        case .finished(let stream):
            guard let conversation = open[stream] else { return }
            guard conversation.received == each, conversation.isFinished else {
                throw Fault(text: "stream \(stream) ended after \(conversation.received) of \(each) bytes")
            }
            bytes += each
            open[stream] = nil
        case .writable(let stream): pump(stream, wire)
        case .reset(let stream):
            // A peer whose backlog is full refuses streams; nothing else may end one.
            guard let conversation = open.removeValue(forKey: stream), conversation.received == 0 else {
                throw Fault(text: "stream \(stream) was reset")
            }
            refusals += 1
        case .opened(let stream): throw Fault(text: "the peer opened stream \(stream)")
        case .goAway(let reason): throw Fault(text: "the peer went away with code \(reason)")
        case .pong: break
        }
    }

    private func pump(_ stream: UInt32, _ wire: Wire) {
        guard var conversation = open[stream] else { return }
        let end = conversation.resetAt ?? each
        while conversation.sent < end {
            let count = min(Text.piece, end - conversation.sent)
            let sent = Text.withBytes(stream, conversation.sent, count) { wire.yamux.send(stream, $0) }
            conversation.sent += sent
            if sent < count { break }
        }
        open[stream] = conversation
        if conversation.resetAt == conversation.sent {
            wire.yamux.reset(stream)
            resets += 1
            bytes += conversation.sent
            open[stream] = nil
        } else {
            finishIfDone(stream, wire)
        }
    }

    private func finishIfDone(_ stream: UInt32, _ wire: Wire) {
        guard var conversation = open[stream], !conversation.isFinished, conversation.sent == each else { return }
        guard scenario == "half-close" || conversation.received == each else { return }
        conversation.isFinished = true
        open[stream] = conversation
        wire.yamux.finish(stream)
    }
}

/// What all streams say, each from a place of its own. Its period is a prime, so that bytes which are lost or doubled show.
enum Text {
    static let piece = 64 << 10
    private static let period = 65_521
    private static let bytes: [UInt8] = {
        var state: UInt32 = 1
        let once = (0..<period).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return once + once + once + once + once + once
    }()

    static func withBytes<Result>(_ stream: UInt32, _ offset: Int, _ count: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = (offset + Int(stream) * 331) % period
        return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    }

    static func matches(_ data: ArraySlice<UInt8>, _ stream: UInt32, _ offset: Int) -> Bool {
        withBytes(stream, offset, data.count) { expected in
            data.withUnsafeBytes { data in
                guard let one = expected.baseAddress, let other = data.baseAddress else { return true }
                return memcmp(one, other, data.count) == 0
            }
        }
    }
}
