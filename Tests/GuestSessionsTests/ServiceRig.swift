import CLinux
import LinuxSystem
import Testing

@testable import GuestSessions

/// A stream's far side that keeps what a service does with it.
final class RecordingLink: StreamCarrier {
    /// How many bytes the stream still takes.
    var window = 1 << 20
    private(set) var sent: [UInt8] = []
    private(set) var credit = 0
    private(set) var isFinished = false
    private(set) var isReset = false

    func capacity(_ stream: UInt32, wanted: Int) -> Int { window }
    func consumed(_ stream: UInt32, _ count: Int) { credit += count }
    func finish(_ stream: UInt32) { isFinished = true }
    func reset(_ stream: UInt32) { isReset = true }

    func sendWhole(_ stream: UInt32, _ bytes: [UInt8]) {
        sent += bytes
        window -= bytes.count
    }
}

/// A service in an event loop of its own.
final class ServiceRig {
    let link = RecordingLink()
    let loop: Watcher
    private(set) var service: any StreamService

    init(_ make: (LinkStream, Watcher) -> any StreamService) throws {
        loop = try Watcher()
        service = make(LinkStream(carrier: link, number: 1), loop)
        service.start()
    }

    /// Lets the service work until `condition` holds; a minute without any event fails.
    func run(until condition: () -> Bool) throws {
        while !condition() {
            let events = loop.wait(milliseconds: 60_000)
            try #require(!events.isEmpty, "nothing more happens")
            for event in events { service.ready(event.ready) }
        }
    }

    /// Lets the service do what it can without waiting.
    func runOnce() { for event in loop.wait(milliseconds: 0) { service.ready(event.ready) } }
}

/// A listening socket and the connections that are made to it.
final class TestListener {
    let descriptor: CInt
    let port: UInt16

    init(address: String = "127.0.0.1", port: UInt16 = 0) throws {
        descriptor = linux_listen_address(address, port)
        try #require(descriptor >= 0, "listen: \(Errno.current)")
        self.port = linux_bound_port(descriptor)
    }

    deinit { close(descriptor) }

    /// The next connection, blocking, closed by the caller.
    func accept() throws -> FileDescriptor {
        #expect(FileDescriptor(rawValue: descriptor).waitUntilReadable(milliseconds: 60_000))
        let connection = linux_accept(descriptor, 60_000)
        try #require(connection >= 0, "accept: \(Errno.current)")
        return FileDescriptor(rawValue: connection)
    }
}

extension FileDescriptor {
    /// Reads to the end; throws what ends it otherwise.
    func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try read(upTo: 64 << 10), !bytes.isEmpty { all += bytes }
        return all
    }
}
