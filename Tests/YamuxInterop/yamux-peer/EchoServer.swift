import Yamux

/// Echoes each stream until its end, then ends it, until the peer leaves. It gives credit for what it has echoed.
final class EchoServer {
    private struct Echo {
        var pieces: [ArraySlice<UInt8>] = []
        var offset = 0
        var isFinished = false
    }

    private var echoes: [UInt32: Echo] = [:]
    private var streams = 0
    private var bytes = 0
    private var resets = 0

    func run(_ wire: Wire) throws(Fault) {
        while !wire.isOver {
            try wire.turn { event throws(Fault) in
                switch event {
                case .opened(let stream):
                    echoes[stream] = Echo()
                    streams += 1
                case .data(let stream, let bytes):
                    echoes[stream]?.pieces.append(bytes)
                    pump(stream, wire)
                case .finished(let stream):
                    echoes[stream]?.isFinished = true
                    pump(stream, wire)
                case .writable(let stream): pump(stream, wire)
                case .reset(let stream):
                    if echoes.removeValue(forKey: stream) != nil { resets += 1 }
                case .pong, .goAway: break
                }
            }
        }
        if !echoes.isEmpty { throw Fault(text: "the peer left with \(echoes.count) streams open") }
        print("served streams=\(streams) bytes=\(bytes) resets=\(resets)")
    }

    private func pump(_ stream: UInt32, _ wire: Wire) {
        guard var echo = echoes.removeValue(forKey: stream) else { return }
        var done = 0
        for piece in echo.pieces {
            let sent = piece.withUnsafeBytes { wire.yamux.send(stream, UnsafeRawBufferPointer(rebasing: $0[echo.offset...])) }
            wire.yamux.consumed(stream, sent)
            bytes += sent
            echo.offset += sent
            guard echo.offset == piece.count else { break }
            (echo.offset, done) = (0, done + 1)
        }
        echo.pieces.removeFirst(done)
        if echo.isFinished, echo.pieces.isEmpty { wire.yamux.finish(stream) } else { echoes[stream] = echo }
    }
}
