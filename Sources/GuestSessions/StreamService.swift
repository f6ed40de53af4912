internal import AgentProtocol
internal import LinuxSystem

/// What a service needs of the link that its stream is on: a service is tested without one.
protocol StreamLink: AnyObject {
    /// How many bytes the stream takes now; with fewer than `wanted`, `streamWritable` follows.
    func capacity(_ stream: UInt32, wanted: Int) -> Int
    func consumed(_ stream: UInt32, _ count: Int)
    func finish(_ stream: UInt32)
    func reset(_ stream: UInt32)
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8])
}

extension Link: StreamLink {}

/// A stream and the link that carries it.
struct ServiceStream {
    let link: any StreamLink
    let identifier: UInt32

    func capacity(wanted: Int = 1) -> Int { link.capacity(identifier, wanted: wanted) }
    func consumed(_ count: Int) { if count > 0 { link.consumed(identifier, count) } }
    func send(_ bytes: [UInt8]) { link.sendWhole(identifier, bytes) }
    /// We send no more; receiving goes on.
    func finish() { link.finish(identifier) }
    /// Ends the stream at once, both ways.
    func reset() { link.reset(identifier) }
    func accept() { send(Frame(.accepted).encoded()) }

    func refuse(_ reason: String) {
        send(Frame(.refused, text: reason).encoded())
        finish()
    }
}

typealias ServiceID = UInt64

/// One stream of a service that is neither a session nor the boot's events.
protocol StreamService: AnyObject {
    /// True when nothing of it is left: its stream is somebody else's or nobody's, its descriptors are closed.
    var isOver: Bool { get }
    /// The uptime at which `tick` has something to do; nil for never.
    var nextDeadline: UInt64? { get }
    /// Begins; the answer to `open` is the service's own to send, now or later.
    func start()
    /// Bytes arrived on the stream; their credit is the service's to give.
    func received(_ bytes: ArraySlice<UInt8>)
    /// The client sends no more.
    func inputFinished()
    /// The stream takes bytes again.
    func streamWritable()
    /// The stream is gone, or the link with it.
    func streamLost()
    /// What it watches is ready.
    func ready(_ ready: EventPoll.Interest)
    func tick(now: UInt64)
}

/// The running services. An array: they are few, and a dictionary for each way to find one would cost the agent kilobytes.
struct StreamServices {
    private struct Entry {
        let identifier: ServiceID
        let stream: UInt32
        let service: any StreamService
    }

    private var entries: [Entry] = []
    private var nextIdentifier: ServiceID = 1

    /// How many run.
    var count: Int { entries.count }

    var nextDeadline: UInt64? {
        var first: UInt64?
        for entry in entries {
            if let deadline = entry.service.nextDeadline, deadline < first ?? .max { first = deadline }
        }
        return first
    }

    /// Begins a service for a stream; `make` is given the number that its descriptors are watched with.
    mutating func start(_ stream: UInt32, _ rest: ArraySlice<UInt8>, _ make: (ServiceID) -> any StreamService) {
        let service = make(nextIdentifier)
        entries.append(Entry(identifier: nextIdentifier, stream: stream, service: service))
        nextIdentifier += 1
        service.start()
        if !rest.isEmpty, !service.isOver { service.received(rest) }
        forgetWhatIsOver()
    }

    /// The service of a stream.
    func service(_ stream: UInt32) -> (any StreamService)? {
        for entry in entries where entry.stream == stream { return entry.service }
        return nil
    }

    func ready(_ identifier: ServiceID, _ ready: EventPoll.Interest) {
        for entry in entries where entry.identifier == identifier { return entry.service.ready(ready) }
    }

    mutating func tick(now: UInt64) {
        for entry in entries {
            if let deadline = entry.service.nextDeadline, deadline <= now { entry.service.tick(now: now) }
        }
        forgetWhatIsOver()
    }

    /// All streams are gone, with their link.
    func streamsLost() { for entry in entries { entry.service.streamLost() } }

    mutating func forgetWhatIsOver() {
        for entry in entries where entry.service.isOver { return entries.removeAll { $0.service.isOver } }
    }
}
