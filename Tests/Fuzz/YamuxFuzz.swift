// Compiled together with Sources/Yamux by Tests/Fuzz/run.

/// Whatever a peer sends, in pieces of any size, with streams of ours open: no trap, and nothing held beyond the limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 2, let start else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var limits = YamuxLimits()
    limits.maximumStreams = 8
    var connection = YamuxConnection(role: bytes[0] & 1 == 0 ? .server : .client, limits: limits)
    for _ in 0..<Int(bytes[0] >> 5) { _ = try? connection.open() }
    let piece = max(1, Int(bytes[1]))
    var rest = bytes.dropFirst(2)
    while !rest.isEmpty {
        let chunk = Array(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        let failed = chunk.withUnsafeBytes { buffer in
            do {
                try connection.receive(buffer)
                return false
            } catch { return true }
        }
        obey(&connection, bytes[0])
        if failed { break }
    }
    precondition(connection.streamCount <= 8)
    precondition(connection.takeOutput().count <= limits.maximumOutput + limits.preferredOutput + 4096)
    return 0
}

/// An application that reads some streams, answers on others and ends the rest.
private func obey(_ connection: inout YamuxConnection, _ seed: UInt8) {
    while let event = connection.nextEvent() {
        switch event {
        case .data(let stream, let bytes) where (UInt8(truncatingIfNeeded: stream) ^ seed) & 2 == 0:
            connection.consumed(stream, bytes.count)
            _ = bytes.withUnsafeBytes { connection.send(stream, $0) }
        case .finished(let stream): connection.finish(stream)
        case .opened(let stream) where stream & 4 != 0: connection.reset(stream)
        default: break
        }
    }
}
