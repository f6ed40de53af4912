internal import LinuxSystem

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
        let stream: LinkStream
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
    mutating func start(_ stream: LinkStream, _ rest: ArraySlice<UInt8>, _ make: (ServiceID) -> any StreamService) {
        let service = make(nextIdentifier)
        entries.append(Entry(identifier: nextIdentifier, stream: stream, service: service))
        nextIdentifier += 1
        service.start()
        if !rest.isEmpty, !service.isOver { service.received(rest) }
        forgetWhatIsOver()
    }

    /// The service of a stream.
    func service(_ stream: LinkStream) -> (any StreamService)? {
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

    /// A link is gone, and all its streams.
    mutating func lost(_ carrier: any StreamCarrier) {
        for entry in entries where entry.stream.carrier === carrier { entry.service.streamLost() }
        forgetWhatIsOver()
    }

    mutating func forgetWhatIsOver() {
        for entry in entries where entry.service.isOver { return entries.removeAll { $0.service.isOver } }
    }
}
