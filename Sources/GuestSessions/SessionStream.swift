/// What carries streams: a link.
protocol StreamCarrier: AnyObject {
    /// How many bytes the stream takes now; with fewer than `wanted`, a `writable` event follows.
    func capacity(_ stream: UInt32, wanted: Int) -> Int
    /// Sends bytes for which the caller has seen `capacity`.
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8])
    /// The bytes were used: the other side may send as many more.
    func consumed(_ stream: UInt32, _ count: Int)
    /// No more is sent.
    func finish(_ stream: UInt32)
    /// Ends the stream at once, both ways.
    func reset(_ stream: UInt32)
}

extension Link: StreamCarrier {}

/// One stream of one link.
struct SessionStream: Hashable {
    let carrier: any StreamCarrier
    let number: UInt32

    static func == (left: SessionStream, right: SessionStream) -> Bool {
        left.number == right.number && left.carrier === right.carrier
    }

    // Few streams of different links have the same number.
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    func capacity(wanted: Int) -> Int { carrier.capacity(number, wanted: wanted) }
    func send(_ bytes: [UInt8]) { carrier.sendWhole(number, bytes) }
    func consumed(_ count: Int) { carrier.consumed(number, count) }
    func finish() { carrier.finish(number) }
    func reset() { carrier.reset(number) }
}
