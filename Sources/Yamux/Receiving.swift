extension YamuxConnection {
    /// Takes bytes that arrived, in pieces of any size. Events follow from `nextEvent`.
    ///
    /// - Throws: what ends the connection. The go-away that says so to the peer is in the output; later calls throw the
    ///   same error, and nothing else is sent.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(YamuxError) { try take(bytes, sharing: nil) }

    /// The same; what arrived for one stream in one long piece is handed on as a part of `bytes`, and not copied.
    public mutating func receive(_ bytes: ArraySlice<UInt8>) throws(YamuxError) {
        let failure: YamuxError? = bytes.withUnsafeBytes { buffer in
            do throws(YamuxError) {
                try take(buffer, sharing: bytes)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    /// - Parameter shared: the same bytes.
    private mutating func take(_ bytes: UnsafeRawBufferPointer, sharing shared: ArraySlice<UInt8>?) throws(YamuxError) {
        if let failure { throw failure }
        do throws(YamuxError) {
            if isFlooded { throw .flood(.unservedStreams, perSecond: unservedStreams.perSecond) }
            var rest = bytes
            while !rest.isEmpty {
                let (used, found) = try parser.take(rest)
                switch found {
                case .nothing: break
                case .header(let header): try handle(header)
                case .data(let stream, let finishes):
                    let piece = UnsafeRawBufferPointer(rebasing: rest[..<used])
                    deliver(piece, in: shared, of: stream, finishes: finishes, following: rest.count - used)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[used...])
            }
            guard output.urgentCount <= limits.maximumControlOutput else { throw .outputLimit(output.urgentCount) }
        } catch {
            failure = error
            output.append(Header(.goAway, length: 1))
            throw error
        }
    }

    private mutating func handle(_ header: Header) throws(YamuxError) {
        switch header.type {
        case .ping:
            if header.flags.contains(.syn) {
                guard pings.take(now: now) else { throw .flood(.pings, perSecond: pings.perSecond) }
                output.appendUrgent(Header(.ping, .ack, length: header.length))
            } else if header.flags.contains(.ack) {
                events.append(.pong(header.length))
            } else {
                try countEmptyFrame()
            }
        case .goAway:
            peerWentAway = true
            events.append(.goAway(header.length))
        case .data, .windowUpdate: try handleStreamFrame(header)
        }
    }

    private mutating func handleStreamFrame(_ header: Header) throws(YamuxError) {
        let identifier = header.stream
        if header.flags.contains(.syn) { try accept(identifier) }
        guard var stream = streams[identifier], stream.opening != .unannounced else {
            return try handleLateFrame(header)
        }
        if isEmpty(header, of: stream) { try countEmptyFrame() }
        if stream.opening == .announced {
            stream.opening = .established
            unacknowledged -= 1
            streams[identifier] = stream
            announce()
        }
        if header.flags.contains(.rst) {
            forget(identifier)
            events.append(.reset(identifier))
            if header.type == .data { parser.skip(header.length) }
            if wasUnserved(identifier, stream) { try countUnservedStream() }
            return
        }
        if header.type == .windowUpdate {
            let (window, overflow) = stream.sendWindow.addingReportingOverflow(header.length)
            guard !overflow else { throw .windowOverflow(stream: identifier) }
            stream.sendWindow = window
            queueIfReady(identifier, &stream)
        } else {
            guard !stream.peerFinished || header.length == 0 else { throw .dataAfterFinish(stream: identifier) }
            guard header.length <= stream.receive.available else { throw .windowExceeded(stream: identifier) }
            stream.receive.arrived(header.length, now: now)
            parser.expect(header.length, of: identifier, finishes: header.flags.contains(.fin))
        }
        streams[identifier] = stream
        // FIN counts after the frame's own data.
        if header.flags.contains(.fin), header.type == .windowUpdate || header.length == 0 { finishPeer(identifier) }
    }

    /// A frame of a stream that we have forgotten, or refused: its data is passed over.
    private mutating func handleLateFrame(_ header: Header) throws(YamuxError) {
        let identifier = header.stream
        let wasOpened =
            isOurs(identifier)
            ? identifier > 0 && identifier < nextStream && streams[identifier] == nil
            : peerIdentifiers.contains(identifier)
        guard wasOpened else { throw .unknownStream(identifier) }
        if header.type == .data { parser.skip(header.length) }
        if header.flags.isEmpty, header.type == .windowUpdate || header.length == 0 { try countEmptyFrame() }
    }

    private mutating func accept(_ identifier: UInt32) throws(YamuxError) {
        guard identifier != 0, !isOurs(identifier), peerIdentifiers.insert(identifier) else { throw .badStream(identifier) }
        guard !weWentAway, streams.count - ourStreams < limits.maximumStreams else {
            output.appendUrgent(Header(.windowUpdate, .rst, stream: identifier))
            return try countUnservedStream()
        }
        streams[identifier] = StreamState(.established)
        output.appendUrgent(Header(.windowUpdate, .ack, stream: identifier))
        events.append(.opened(identifier))
    }

    private mutating func deliver(
        _ bytes: UnsafeRawBufferPointer, in shared: ArraySlice<UInt8>?, of identifier: UInt32, finishes: Bool, following: Int
    ) {
        guard streams[identifier] != nil else { return }
        if let shared, bytes.count >= events.smallestShared {
            events.append(shared.dropLast(following).suffix(bytes.count), of: identifier)
        } else {
            events.append(bytes, of: identifier, following: following)
        }
        if finishes { finishPeer(identifier) }
    }

    private mutating func finishPeer(_ identifier: UInt32) {
        guard var stream = streams[identifier], !stream.peerFinished else { return }
        stream.peerFinished = true
        extraWindow -= stream.receive.extra
        stream.receive.close()
        extraWindow += stream.receive.extra
        streams[identifier] = stream
        if stream.isOver { forget(identifier) }
        events.append(.finished(identifier))
    }

    // MARK: Floods

    /// Whether the frame tells us nothing: a peer may send such, but not without end.
    private func isEmpty(_ header: Header, of stream: StreamState) -> Bool {
        guard header.length == 0, header.flags.isDisjoint(with: [.syn, .rst]) else { return false }
        if header.flags.contains(.fin) { return stream.peerFinished }
        return !(header.flags.contains(.ack) && stream.opening == .announced)
    }

    private mutating func countEmptyFrame() throws(YamuxError) {
        guard emptyFrames.take(now: now) else { throw .flood(.emptyFrames, perSecond: emptyFrames.perSecond) }
    }

    private mutating func countUnservedStream() throws(YamuxError) {
        guard unservedStreams.take(now: now) else { throw .flood(.unservedStreams, perSecond: unservedStreams.perSecond) }
    }
}
