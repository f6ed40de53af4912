// Compiled together with Sources/Yamux by Tests/Fuzz/run.

/// Whatever a peer sends, in pieces of any size, with streams of ours open: no trap, and nothing held beyond the limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 2, let start else { return 0 }
    let bytes = UnsafeBufferPointer(start: start, count: count)
    var limits = YamuxLimits()
    limits.maximumStreams = 8
    limits.maximumUnacknowledged = 4
    var connection = YamuxConnection(role: bytes[0] & 1 == 0 ? .server : .client, limits: limits)
    if bytes[0] & 8 != 0 { connection.roundTrip = 1000 }
    connection.events.smallestShared = 8
    for _ in 0..<Int(bytes[0] >> 5) { _ = try? connection.open() }
    let piece = max(1, Int(bytes[1]))
    var rest = bytes.dropFirst(2)
    var now: UInt64 = 0
    // The output limit, every stream's first flight, and an answer to every frame.
    let most = limits.preferredOutput + (bytes.count / 12 + 8) * (4096 + 12 * 8)
    while !rest.isEmpty {
        let chunk = rest.prefix(piece)
        let first = chunk.first ?? 0
        rest = rest.dropFirst(piece)
        now += UInt64(first)
        connection.advance(to: now)
        var failed = false
        do {
            if piece & 1 == 0 {
                try connection.receive(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: chunk)))
            } else {
                // A part in the middle, as a link's bytes may be behind a hello.
                try connection.receive(([0, 0] + chunk + [0]).dropFirst(2).dropLast())
            }
        } catch { failed = true }
        obey(&connection, bytes[0])
        precondition(connection.streamCount <= 16)
        precondition(connection.outputCount <= most)
        precondition(connection.extraWindowInUse <= limits.maximumExtraWindow)
        if bytes[0] & 16 != 0 { _ = connection.takeOutput() }
        if bytes[0] & 4 != 0 { connection.limitExtraWindow(to: Int(first) << 12) }
        if failed { break }
    }
    return 0
}

/// An application that reads some streams, answers on others and ends the rest.
private func obey(_ connection: inout YamuxConnection, _ seed: UInt8) {
    while let event = connection.nextEvent() {
        switch event {
        case .data(let stream, let bytes) where (UInt8(truncatingIfNeeded: stream) ^ seed) & 2 == 0:
            connection.consumed(stream, bytes.count)
            answer(&connection, stream, bytes)
        case .finished(let stream): connection.finish(stream)
        case .opened(let stream) where stream & 4 != 0: connection.reset(stream)
        default: break
        }
    }
}

/// As the connection writes it or, where nothing waits, as a frame of the application's own.
private func answer(_ connection: inout YamuxConnection, _ stream: UInt32, _ bytes: ArraySlice<UInt8>) {
    let capacity = connection.frameCapacity(stream)
    guard capacity > 0, !bytes.isEmpty else {
        _ = bytes.withUnsafeBytes { connection.send(stream, $0) }
        return
    }
    precondition(connection.outputCount == 0)
    let length = min(capacity, bytes.count)
    precondition(connection.beginFrame(stream, length: length).count == 12)
    precondition(connection.frameCapacity(stream) == capacity - length)
    precondition(connection.beginFrame(stream, length: capacity + 1).isEmpty)
}
