import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import HostTools
import LinuxSystem
import Synchronization
import Testing

@testable import ProxyClient

/// `vm forward`, from a client's socket on the host through a real proxy to a service's.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ForwardTests {
    let proxy: TestProxy
    let guest: GuestRegistration
    let agent: TestAgent

    init() throws {
        proxy = try TestProxy()
        guest = try proxy.client.register("vm", token: [])
        agent = try TestAgent.start(proxy.directory)
    }

    /// A forward that runs on a thread of its own.
    final class Running: Sendable {
        let addresses = Mutex<[String]>([])
        let messages = Mutex<[String]>([])
        let outcome = Mutex<Result<CInt, ForwardError>?>(nil)
        private let listening = DispatchSemaphore(value: 0)
        private let ended = DispatchSemaphore(value: 0)

        init(_ client: ProxyClient, _ forwards: [Forward]) throws {
            Thread.detachNewThread { [self] in
                let result = Result { () throws(ForwardError) in try run(client, forwards) }
                outcome.withLock { $0 = result }
                listening.signal()
                ended.signal()
            }
            listening.wait()
        }

        private func run(_ client: ProxyClient, _ forwards: [Forward]) throws(ForwardError) -> CInt {
            let signals: SignalInbox
            do throws(Errno) { signals = try SignalInbox([SIGUSR1]) } catch { throw .proxy(.system(call: "signalfd", error)) }
            return try client.forward(
                forwards, of: "vm", signals: signals,
                onListening: { list in
                    addresses.withLock { $0 = list.flatMap(\.addresses) }
                    listening.signal()
                },
                onMessage: { [self] message in messages.withLock { $0.append(message) } })
        }

        var port: UInt16 { addresses.withLock { UInt16($0.first?.split(separator: ":").last ?? "") ?? 0 } }

        /// Sends the signal that ends it, as Ctrl-C does, and waits.
        func stop() -> Result<CInt, ForwardError>? {
            kill(getpid(), SIGUSR1)
            return wait()
        }

        func wait() -> Result<CInt, ForwardError>? {
            ended.wait()
            return outcome.withLock { $0 }
        }
    }

    func dial(_ port: UInt16, _ address: String = "127.0.0.1") throws -> FileDescriptor {
        let socket = try StreamSocket.tcp(address, port: port)
        var request = pollfd(fd: socket.descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, 60_000)
        try #require(fcntl(socket.descriptor.rawValue, F_SETFL, O_RDWR) == 0)
        return socket.descriptor
    }

    @Test func aConnectionPassesWithItsHalfClosesAndACtrlCLeavesNothing() throws {
        let service = try TestService.echo()
        let path = "\(proxy.directory)/host.sock"
        let target = ConnectTarget.tcp(address: nil, port: service.port)
        let running = try Running(proxy.client, [.init(host: .port(0), target: target), .init(host: .socket(path: path), target: target)])
        let bytes = ConnectTests.random(2 << 20)
        for client in [try dial(running.port), FileDescriptor(rawValue: linux_connect_unix(path))] {
            client.writeInBackground(bytes)
            #expect(try client.readToEnd() == bytes)
            client.close()
        }
        #expect(try running.stop()?.get() == SIGUSR1)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(running.messages.withLock { $0 }.isEmpty)
    }

    @Test func theServicesEndComesFirst() throws {
        let service = try TestService()
        let running = try Running(proxy.client, [.init(host: .port(0), target: .tcp(address: nil, port: service.port))])
        let client = try dial(running.port)
        defer { client.close() }
        let peer = try service.accept()
        defer { peer.close() }
        try peer.finishSending()
        #expect(try client.readToEnd().isEmpty)
        client.writeInBackground(Array("still open".utf8))
        #expect(try peer.readToEnd() == Array("still open".utf8))
        _ = running.stop()
    }

    private static func refusal(_ port: UnusedPort) -> String {
        "cannot connect to localhost:\(port.number) in the guest: Connection refused (errno 111)"
    }

    @Test func aPortThatNobodyListensOnEndsThatConnectionOnly() throws {
        let service = try TestService.echo()
        let unused = try UnusedPort()
        let forwards = [unused.number, service.port].map { Forward(host: .port(0), target: .tcp(address: nil, port: $0)) }
        let running = try Running(proxy.client, forwards)
        let ports = running.addresses.withLock { $0.filter { $0.hasPrefix("127") }.compactMap { UInt16($0.split(separator: ":")[1]) } }
        let refused = try dial(ports[0])
        #expect(throws: Errno(ECONNRESET)) { try refused.readToEnd() }
        refused.close()
        #expect(running.messages.withLock { $0 } == [Self.refusal(unused)])
        let client = try dial(ports[1])
        client.writeInBackground([1, 2, 3])
        #expect(try client.readToEnd() == [1, 2, 3])
        client.close()
        _ = running.stop()
    }

    /// Neither a download nor an upload that was cut short looks complete.
    @Test func aConnectionThatTheServiceBreaksOffIsResetForTheClient() throws {
        let service = try TestService()
        let running = try Running(proxy.client, [.init(host: .port(0), target: .tcp(address: nil, port: service.port))])
        let client = try dial(running.port)
        defer { client.close() }
        let peer = try service.accept()
        try peer.writeAll([1, 2, 3])
        #expect(try client.bytes(3) == [1, 2, 3])
        peer.closeWithReset()
        #expect(throws: Errno(ECONNRESET)) { try client.readToEnd() }
        _ = running.stop()
    }

    @Test func aGuestThatIsGoneEndsIt() throws {
        let service = try TestService.echo()
        let running = try Running(proxy.client, [.init(host: .port(0), target: .tcp(address: nil, port: service.port))])
        let client = try dial(running.port)
        defer { client.close() }
        try client.writeAll([1])
        #expect(try client.bytes(1) == [1])
        var guest = guest
        _ = try guest.end()
        #expect(throws: ForwardError.guestGone(name: "vm", reason: "its VM has ended")) { try running.wait()?.get() }
        #expect(throws: Errno(ECONNRESET)) { try client.readToEnd() }
    }

    @Test func aPortThatIsTakenIsNotForwarded() throws {
        let service = try TestService.echo()
        let error = Result { () throws(ForwardError) in
            try ForwardListener(Forward(host: .port(service.port), target: .tcp(address: nil, port: 1)))
        }
        let address = "127.0.0.1:\(service.port)"
        let thrown = #expect(throws: ForwardError.cannotListen(address: address, Errno(EADDRINUSE))) { try error.get() }
        #expect(thrown?.description.hasPrefix("cannot listen on \(address): ") == true)
    }

    @Test func aSocketFileOfALiveProgramIsLeftAloneAndADeadOnesIsReplaced() throws {
        let path = "\(proxy.directory)/f.sock"
        let forward = Forward(host: .socket(path: path), target: .tcp(address: nil, port: 1))
        let live = linux_listen_unix(path)
        let error = #expect(throws: ForwardError.inUse(path: path)) { _ = try ForwardListener(forward) }
        #expect(error?.description == path + " is in use by another program, which listens on it")
        FileDescriptor(rawValue: live).closeListener()
        _ = try ForwardListener(forward)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(FileManager.default.createFile(atPath: path, contents: Data([1])))
        let other = #expect(throws: ForwardError.notASocket(path: path)) { _ = try ForwardListener(forward) }
        #expect(other?.description.hasPrefix(path + " exists and is not a socket; it is left alone: ") == true)
        #expect(FileManager.default.contents(atPath: path) == Data([1]))
    }

    // MARK: Standard streams

    /// Joins two pipes to `target`; gives what came out, and how it ended.
    func join(_ target: ConnectTarget, input: [UInt8]) throws -> (output: [UInt8], outcome: Result<CInt?, ForwardError>) {
        let (source, sink) = (try FileDescriptor.pipe(), try FileDescriptor.pipe())
        let signals = try SignalInbox([SIGUSR1])
        let output = Mutex<[UInt8]>([])
        let collected = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            try? source.writeEnd.writeAll(input)
            source.writeEnd.close()
        }
        Thread.detachNewThread {
            if let bytes = try? sink.readEnd.readToEnd() { output.withLock { $0 = bytes } }
            collected.signal()
        }
        let streams = StandardStreams(input: source.readEnd.rawValue, output: sink.writeEnd.rawValue)
        let outcome = Result { () throws(ForwardError) in try proxy.client.join(target, of: "vm", streams: streams, signals: signals) }
        sink.writeEnd.close()
        collected.wait()
        for descriptor in [source.readEnd, sink.readEnd] { descriptor.close() }
        return (output.withLock { $0 }, outcome)
    }

    @Test func standardStreamsAreJoinedWithTheirEnds() throws {
        let service = try TestService.echo()
        let bytes = ConnectTests.random(300_000)
        let (output, outcome) = try join(.tcp(address: nil, port: service.port), input: bytes)
        #expect(output == bytes)
        #expect(try outcome.get() == nil)
    }

    @Test func standardStreamsOfARefusedPortAreAnError() throws {
        let unused = try UnusedPort()
        let (output, outcome) = try join(.tcp(address: nil, port: unused.number), input: [])
        #expect(output.isEmpty)
        #expect(throws: ForwardError.refused(reason: Self.refusal(unused))) { try outcome.get() }
    }
}
