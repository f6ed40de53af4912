extension YamuxConnection {
    /// The application has used `count` bytes of the stream: the peer may send as many more.
    ///
    /// A window that is used up within four round trips is too small for the path, and doubles, as far as
    /// `maximumStreamWindow` and the budget for all windows go.
    public mutating func consumed(_ identifier: UInt32, _ count: Int) {
        guard failure == nil, var stream = streams[identifier] else { return }
        extraWindow -= stream.receive.extra
        stream.receive.consumed(count)
        if stream.receive.due > 0 {
            if stream.receive.isTooSmall(now: now, roundTrip: roundTrip) { grow(&stream.receive) }
            let credit = stream.receive.due
            output.appendUrgent(Header(.windowUpdate, stream: identifier, length: credit))
            stream.receive.give(credit, now: now)
        }
        extraWindow += stream.receive.extra
        streams[identifier] = stream
    }

    /// By how many bytes the receive windows exceed 256 KiB each, together.
    public var extraWindowInUse: Int { extraWindow }

    /// Bounds what `extraWindowInUse` may grow to, within `maximumExtraWindow`; 0 for as long as memory is short.
    ///
    /// When more is in use, all windows go back to 256 KiB: what the peer was allowed to send cannot be taken back, but it gets
    /// no more credit until it has used that up.
    public mutating func limitExtraWindow(to bytes: Int) {
        extraWindowBudget = min(max(0, bytes), limits.maximumExtraWindow)
        guard extraWindow > extraWindowBudget else { return }
        for (identifier, var stream) in streams {
            extraWindow -= stream.receive.extra
            stream.receive.shrink()
            extraWindow += stream.receive.extra
            streams[identifier] = stream
        }
    }

    /// Doubles a window that is not counted in `extraWindow` now, if the budget allows.
    private func grow(_ window: inout ReceiveWindow) {
        let larger = min(Int(window.target) * 2, limits.maximumStreamWindow, Int(UInt32.max / 2))
        guard larger > window.target, extraWindow + larger - Int(ReceiveWindow.minimum) <= extraWindowBudget else { return }
        window.grow(to: UInt32(larger))
    }
}
