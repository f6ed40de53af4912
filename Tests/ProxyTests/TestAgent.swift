import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import Testing
import Yamux

@testable import GuestSessions

/// A guest's end of a link, on a thread of its own: the agent's own service `connect` and event loop, over a socket pair in
/// place of a VM's network.
///
/// Sendable, because after `init` only its thread touches anything but `wake`, which is a number.
final class TestAgent: StreamLink, @unchecked Sendable {
    private let link: FileDescriptor
    private let wake: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    private let loop: Watcher
    private var yamux = YamuxConnection(role: .client)
    private var services = StreamServices()
    private var opening: [UInt32: FrameDecoder] = [:]
    /// Shells, which here send back what they are sent.
    private var echoes: Set<UInt32> = []

    private init(_ link: FileDescriptor) throws {
        self.link = link
        wake = try FileDescriptor.pipe()
        loop = try Watcher()
        loop.watch(link, .readable, .link)
        loop.watch(wake.readEnd, .readable, .bootChannel)
    }

    /// Links a guest to the proxy of `directory`. The agent ends when `stop` is called, or its link is lost.
    static func start(_ directory: String, guest: String = "vm") throws -> TestAgent {
        var ends: [CInt] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let helper = linux_connect_unix("\(directory)/\(ControlSocket.linksName)")
        try #require(helper >= 0)
        let line = Array("\(guest)\n".utf8)
        try #require(linux_send_descriptor(helper, line, line.count, ends[1]) == 0)
        close(helper)
        close(ends[1])
        let agent = try TestAgent(FileDescriptor(rawValue: ends[0]))
        Thread.detachNewThread { try? agent.run() }
        return agent
    }

    /// Breaks the link.
    func stop() { try? wake.writeEnd.writeAll([0]) }

    private func run() throws {
        defer { for descriptor in [link, wake.readEnd, wake.writeEnd] { descriptor.close() } }
        try link.writeAll(Hello(bootID: "boot", software: "test agent").encoded())
        var greeting: [UInt8] = []
        while try Hello.decode(greeting[...]) == nil {
            guard let byte = try link.read(upTo: 1), !byte.isEmpty else { return }
            greeting += byte
        }
        while true {
            for (source, ready) in loop.wait(milliseconds: -1) {
                switch source {
                case .link:
                    guard let bytes = try link.read(upTo: 64 << 10), !bytes.isEmpty else { return }
                    try bytes.withUnsafeBytes { try yamux.receive($0) }
                case .service(let id): services.ready(id, ready)
                default: return
                }
            }
            while true {
                while let event = yamux.nextEvent() { handle(event) }
                services.tick(now: Uptime.microseconds)
                guard yamux.outputCount > 0 else { break }
                try link.writeAll(yamux.takeOutput())
            }
        }
    }

    private func handle(_ event: YamuxEvent) {
        switch event {
        case .opened(let stream): opening[stream] = FrameDecoder()
        case .data(let stream, let bytes): received(stream, bytes)
        case .finished(let stream):
            services.service(stream)?.inputFinished()
            if echoes.remove(stream) != nil { yamux.finish(stream) }
        case .reset(let stream): services.service(stream)?.streamLost()
        case .writable(let stream): services.service(stream)?.streamWritable()
        case .pong, .goAway: break
        }
        services.forgetWhatIsOver()
    }

    private func received(_ stream: UInt32, _ bytes: [UInt8]) {
        if let service = services.service(stream) { return service.received(bytes[...]) }
        if echoes.contains(stream) {
            yamux.consumed(stream, bytes.count)
            return sendWhole(stream, bytes)
        }
        guard var decoder = opening.removeValue(forKey: stream) else { return yamux.consumed(stream, bytes.count) }
        decoder.append(bytes)
        guard let frame = try? decoder.next() else { return opening[stream] = decoder }
        let rest = decoder.takeRemainder()
        yamux.consumed(stream, bytes.count - rest.count)
        if frame.text == Service.events.rawValue {
            sendWhole(stream, Frame(.accepted).encoded())
            sendWhole(stream, Frame(.boot, BootReport(state: .ready, uptime: 5, detail: "test").encoded()[...]).encoded())
            let report = AgentReport(uptime: 7_000_000, memory: 1_000, sessions: 3, connections: 4, links: 1)
            sendWhole(stream, Frame(.agent, report.encoded()[...]).encoded())
        } else if frame.text == Service.shell.rawValue {
            echoes.insert(stream)
            sendWhole(stream, Frame(.accepted).encoded())
        } else if frame.text.hasPrefix("connect:"), let target = try? ConnectTarget(String(frame.text.dropFirst(8))) {
            let handle = ServiceStream(link: self, identifier: stream)
            services.start(stream, rest) { Connection(target, handle, id: $0, loop: self.loop) }
        } else {
            ServiceStream(link: self, identifier: stream).refuse("no service '\(frame.text)'")
        }
    }

    // MARK: StreamLink

    func capacity(_ stream: UInt32, wanted: Int) -> Int { yamux.sendCapacity(stream, wanted: wanted) }
    func consumed(_ stream: UInt32, _ count: Int) { yamux.consumed(stream, count) }
    func finish(_ stream: UInt32) { yamux.finish(stream) }
    func reset(_ stream: UInt32) { yamux.reset(stream) }
    func sendWhole(_ stream: UInt32, _ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { yamux.send(stream, $0) } }
}

/// A service in the guest: a TCP socket of this machine that takes connections.
final class TestService: Sendable {
    private let listener: FileDescriptor
    let port: UInt16

    init() throws {
        let descriptor = linux_listen_address("127.0.0.1", 0)
        try #require(descriptor >= 0)
        listener = FileDescriptor(rawValue: descriptor)
        port = linux_bound_port(descriptor)
    }

    deinit { listener.close() }

    var name: String { ConnectTarget.tcp(address: nil, port: port).service }

    /// The next connection, blocking, closed by the caller.
    func accept() throws -> FileDescriptor {
        try #require(listener.waitUntilReadable(milliseconds: 60_000), "nobody connects")
        let connection = linux_accept(listener.rawValue, 60_000)
        try #require(connection >= 0)
        return FileDescriptor(rawValue: connection)
    }

    /// Sends back what it is sent, on every connection, and ends with its client.
    static func echo() throws -> TestService {
        let service = try TestService()
        Thread.detachNewThread { [listener = service.listener] in
            while true {
                let connection = FileDescriptor(rawValue: linux_accept(listener.rawValue, 60_000))
                if connection.rawValue < 0 {
                    if Errno.current == .wouldBlock, listener.waitUntilReadable(milliseconds: 60_000) { continue }
                    return
                }
                Thread.detachNewThread {
                    while let bytes = try? connection.read(upTo: 64 << 10), !bytes.isEmpty { try? connection.writeAll(bytes) }
                    connection.close()
                }
            }
        }
        return service
    }
}
