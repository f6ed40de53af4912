extension YamuxConnection {
    /// How many bytes `send` would take now. A caller that finds fewer than `wanted` gets a `writable` event when that
    /// changes; so `wanted` must not be more than the output limit or the peer's window can ever give.
    public mutating func sendCapacity(_ identifier: UInt32, wanted: Int = 1) -> Int {
        guard failure == nil, var stream = streams[identifier], !stream.weFinished else { return 0 }
        let capacity = share(identifier, stream)
        let wanted = min(wanted, limits.preferredOutput)
        if capacity < wanted {
            wait(identifier, &stream, wanted: wanted)
            streams[identifier] = stream
        }
        return capacity
    }

    /// Takes as many of `bytes` as the peer's window, the output limit and the stream's turn allow. When that is not all, a
    /// `writable` event follows. 0 for a stream that is finished or unknown.
    ///
    /// A stream's first 4 KiB are always taken: a request, or its answer, does not have to wait.
    public mutating func send(_ identifier: UInt32, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard failure == nil, var stream = streams[identifier], !stream.weFinished else { return 0 }
        let count = min(bytes.count, share(identifier, stream))
        if count > 0 {
            let taken = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            if stream.opening == .unannounced {
                let maximum = limits.maximumFrame
                unannounced.add(to: identifier) { Header.appendData(taken, of: identifier, maximumFrame: maximum, to: &$0) }
            } else {
                output.append(taken, of: identifier, limits: limits)
            }
            stream.sent(count)
            if turn?.stream == identifier { turn?.left -= count }
        }
        if count < bytes.count { wait(identifier, &stream, wanted: 1) }
        streams[identifier] = stream
        return count
    }

    /// How many bytes a frame of `beginFrame` may have now: none while anything else waits for the output.
    public mutating func frameCapacity(_ identifier: UInt32) -> Int {
        guard failure == nil, output.count == 0, turns.isEmpty, let stream = streams[identifier] else { return 0 }
        return stream.weFinished || stream.opening == .unannounced ? 0 : Int(stream.sendWindow)
    }

    /// The header of a data frame whose `length` bytes, no more than `frameCapacity`, the caller writes itself: the next that are
    /// written after it.
    public mutating func beginFrame(_ identifier: UInt32, length: Int) -> [UInt8] {
        var header: [UInt8] = []
        guard length > 0, length <= frameCapacity(identifier) else { return header }
        Header(.data, stream: identifier, length: UInt32(length)).append(to: &header)
        streams[identifier]?.sent(length)
        return header
    }

    /// How much the stream may send now. While others wait, only the one whose turn it is sends, and only so much.
    ///
    /// Mutating only in name: called with `self` by value from what is mutating, the whole connection would be copied each time.
    private mutating func share(_ identifier: UInt32, _ stream: StreamState) -> Int {
        var room = stream.opening == .unannounced ? 0 : output.room(limits.preferredOutput)
        if !turns.isEmpty {
            if let turn, turn.stream == identifier { room = min(room, max(0, turn.left)) } else { room = 0 }
        }
        return min(Int(stream.sendWindow), max(room, stream.firstFlightLeft))
    }

    private mutating func wait(_ identifier: UInt32, _ stream: inout StreamState, wanted: Int) {
        stream.wanted = UInt32(max(1, wanted))
        queueIfReady(identifier, &stream)
    }

    /// Gives the stream a place in the queue when it waits for nothing but the output.
    mutating func queueIfReady(_ identifier: UInt32, _ stream: inout StreamState) {
        guard stream.wanted > 0, !stream.isQueued, stream.opening != .unannounced, stream.sendWindow >= stream.wanted else { return }
        stream.isQueued = true
        turns.append(identifier)
    }

    // MARK: Events

    /// The next event; nil when all are taken, and what the output has room for is sent.
    public mutating func nextEvent() -> YamuxEvent? {
        turn = nil
        return events.next() ?? nextTurn()
    }

    /// Whether `nextEvent` may have one.
    public var hasEvents: Bool {
        // See `share`.
        mutating get {
            if !events.isEmpty { return true }
            guard failure == nil, let first = turns.first else { return false }
            guard let stream = streams[first], isWaiting(stream) else { return true }
            return output.room(limits.preferredOutput) >= Int(stream.wanted)
        }
    }

    private mutating func isWaiting(_ stream: StreamState) -> Bool {
        stream.isQueued && stream.wanted > 0 && stream.sendWindow >= stream.wanted
    }

    private mutating func nextTurn() -> YamuxEvent? {
        guard failure == nil else { return nil }
        while let first = turns.first {
            if var stream = streams[first], stream.isQueued {
                let wanted = Int(stream.wanted)
                let waits = isWaiting(stream)
                // The one in front keeps its place until there is room for it: taking the output makes it.
                if waits, output.room(limits.preferredOutput) < wanted { return nil }
                stream.isQueued = false
                if waits { stream.wanted = 0 }
                streams[first] = stream
                turns.removeFirst()
                guard waits else { continue }
                turn = (first, max(limits.maximumFrame, wanted))
                return .writable(first)
            }
            turns.removeFirst()
        }
        return nil
    }
}
