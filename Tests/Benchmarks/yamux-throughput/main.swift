// How fast two YamuxConnection values in one process pass bytes to each other, without any I/O:
//     swift run -c release yamux-throughput [MEBIBYTES]

import Glibc
import Yamux

/// Two connections whose output is the other's input.
struct Pair {
    var client = YamuxConnection(role: .client)
    var server = YamuxConnection(role: .server)

    mutating func clientToServer() {
        while client.outputCount > 0 {
            let bytes = client.takeOutput()
            bytes.withUnsafeBytes { buffer in do { try server.receive(buffer) } catch { stop("\(error)") } }
        }
    }

    mutating func serverToClient() {
        while server.outputCount > 0 {
            let bytes = server.takeOutput()
            bytes.withUnsafeBytes { buffer in do { try client.receive(buffer) } catch { stop("\(error)") } }
        }
    }
}

func stop(_ reason: String) -> Never {
    print("yamux-throughput: \(reason)")
    exit(1)
}

/// Bytes per second from client to server over so many streams, offered in pieces of so many bytes.
func throughput(streams count: Int, piece: Int, total: Int) -> Double {
    var pair = Pair()
    let data = [UInt8](repeating: 0x5A, count: piece)
    var remaining: [UInt32: Int] = [:]
    var received = 0
    let sent = total / count * count
    func pump(_ stream: UInt32, _ pair: inout Pair) {
        while let left = remaining[stream], left > 0 {
            let wanted = min(left, piece)
            let taken = data.withUnsafeBytes { pair.client.send(stream, UnsafeRawBufferPointer(rebasing: $0[..<wanted])) }
            remaining[stream] = left - taken
            if taken < wanted { return }
        }
    }
    let clock = ContinuousClock()
    let duration = clock.measure {
        for _ in 0..<count {
            do {
                let stream = try pair.client.open()
                remaining[stream] = total / count
                pump(stream, &pair)
            } catch { stop("\(error)") }
        }
        while received < sent {
            pair.clientToServer()
            while let event = pair.server.nextEvent() {
                if case .data(let stream, let bytes) = event {
                    received += bytes.count
                    pair.server.consumed(stream, bytes.count)
                }
            }
            pair.serverToClient()
            while let event = pair.client.nextEvent() { if case .writable(let stream) = event { pump(stream, &pair) } }
        }
    }
    return Double(sent) / (duration / .seconds(1))
}

/// Seconds for one byte there and back.
func roundTrip(count: Int) -> Double {
    var pair = Pair()
    let clock = ContinuousClock()
    let duration = clock.measure {
        guard let stream = try? pair.client.open() else { stop("no stream") }
        let byte: [UInt8] = [1]
        for _ in 0..<count {
            _ = byte.withUnsafeBytes { pair.client.send(stream, $0) }
            pair.clientToServer()
            while let event = pair.server.nextEvent() {
                if case .data(let stream, let bytes) = event {
                    pair.server.consumed(stream, bytes.count)
                    _ = bytes.withUnsafeBytes { pair.server.send(stream, $0) }
                }
            }
            pair.serverToClient()
            while let event = pair.client.nextEvent() {
                if case .data(let stream, let bytes) = event { pair.client.consumed(stream, bytes.count) }
            }
        }
    }
    return duration / .seconds(1) / Double(count)
}

/// Seconds to open a stream, answer on it and close it from both sides.
func openAndClose(count: Int) -> Double {
    var pair = Pair()
    let byte: [UInt8] = [1]
    let clock = ContinuousClock()
    let duration = clock.measure {
        for _ in 0..<count {
            guard let stream = try? pair.client.open() else { stop("no stream") }
            _ = byte.withUnsafeBytes { pair.client.send(stream, $0) }
            pair.client.finish(stream)
            pair.clientToServer()
            while let event = pair.server.nextEvent() {
                if case .finished(let stream) = event {
                    _ = byte.withUnsafeBytes { pair.server.send(stream, $0) }
                    pair.server.finish(stream)
                }
            }
            pair.serverToClient()
            while pair.client.nextEvent() != nil {}
        }
    }
    if pair.client.streamCount + pair.server.streamCount > 0 { stop("streams are left") }
    return duration / .seconds(1) / Double(count)
}

let mebibytes = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 4096
for (streams, piece) in [(1, 256 << 10), (1, 32 << 10), (16, 64 << 10), (1000, 64 << 10), (16, 4 << 10), (1, 64)] {
    let total = piece < 1024 ? mebibytes << 14 : mebibytes << 20
    let rate = throughput(streams: streams, piece: piece, total: total)
    print("\(streams) streams, pieces of \(piece) bytes: \(Int(rate / 1e6)) MB/s")
}
print("one byte there and back: \(Int(roundTrip(count: 200_000) * 1e9)) ns")
print("a stream opened, answered and closed: \(Int(openAndClose(count: 200_000) * 1e9)) ns")
