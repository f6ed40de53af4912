internal import AgentProtocol
internal import LinuxSystem

/// What carries streams: a link.
protocol StreamCarrier: AnyObject {
    /// How many bytes the stream takes now; with fewer than `wanted`, a `writable` event follows.
    func capacity(_ stream: UInt32, wanted: Int) -> Int
    /// Sends bytes for which the caller has seen `capacity`.
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8])
    /// The same, of a header and what follows it.
    func sendWhole(_ stream: UInt32, _ header: [UInt8], _ bytes: ArraySlice<UInt8>)
    /// Sends what a command's pipe has now, as one frame of `type` or, without one, as it is, and without passing it through this
    /// process. Returns how many bytes that were; 0 when it cannot be done now.
    func move(_ stream: UInt32, from pipe: FileDescriptor, as type: FrameType?) -> Int
    /// The bytes were used: the other side may send as many more.
    func consumed(_ stream: UInt32, _ count: Int)
    /// No more is sent.
    func finish(_ stream: UInt32)
    /// Ends the stream at once, both ways.
    func reset(_ stream: UInt32)
}

extension StreamCarrier {
    func move(_ stream: UInt32, from pipe: FileDescriptor, as type: FrameType?) -> Int { 0 }
    func sendWhole(_ stream: UInt32, _ header: [UInt8], _ bytes: ArraySlice<UInt8>) { sendWhole(stream, header + bytes) }
}

extension Link: StreamCarrier {}

/// One stream of one link.
struct LinkStream: Hashable {
    let carrier: any StreamCarrier
    let number: UInt32

    static func == (left: LinkStream, right: LinkStream) -> Bool {
        left.number == right.number && left.carrier === right.carrier
    }

    // Few streams of different links have the same number.
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    func capacity(wanted: Int) -> Int { carrier.capacity(number, wanted: wanted) }
    func send(_ bytes: [UInt8]) { carrier.sendWhole(number, bytes) }
    func send(_ header: [UInt8], _ bytes: ArraySlice<UInt8>) { carrier.sendWhole(number, header, bytes) }
    func move(from pipe: FileDescriptor, as type: FrameType?) -> Int { carrier.move(number, from: pipe, as: type) }
    func consumed(_ count: Int) { if count > 0 { carrier.consumed(number, count) } }
    /// We send no more; receiving goes on.
    func finish() { carrier.finish(number) }
    /// Ends the stream at once, both ways.
    func reset() { carrier.reset(number) }
    /// The service that was asked for begins.
    func accept() { send(Frame(.accepted).encoded()) }

    /// The service that was asked for cannot be had.
    func refuse(_ reason: String) {
        send(Frame(.refused, text: reason).encoded())
        finish()
    }
}
