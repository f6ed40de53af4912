import AgentProtocol
import CLinux
import ControlProtocol
import Foundation
import HostTools
import LinuxSystem
import ProxyClient
import Testing

/// `connect` through a real proxy, from a client's socket to a service's.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ConnectTests {
    let proxy: TestProxy
    let guest: GuestRegistration
    let agent: TestAgent

    init() throws {
        proxy = try TestProxy()
        guest = try proxy.client.register("vm", token: [])
        agent = try TestAgent.start(proxy.directory)
    }

    /// Bytes in which no piece is like another.
    static func random(_ count: Int) -> [UInt8] {
        var state = UInt64.random(in: 0 ... .max)
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    @Test func theClientsEndReachesTheServiceAndItsAnswerTheClient() throws {
        let service = try TestService()
        let client = try proxy.connect(service.name)
        defer { client.close() }
        try client.writeAll(Array("question".utf8))
        try client.finishSending()
        let peer = try service.accept()
        #expect(try peer.readToEnd() == Array("question".utf8))
        try peer.writeAll(Array("answer".utf8))
        peer.close()
        #expect(try client.readToEnd() == Array("answer".utf8))
    }

    @Test func theServicesEndLeavesTheClientsDirectionOpen() throws {
        let service = try TestService()
        let client = try proxy.connect(service.name)
        defer { client.close() }
        let peer = try service.accept()
        defer { peer.close() }
        try peer.writeAll(Array("bye".utf8))
        try peer.finishSending()
        #expect(try client.readToEnd() == Array("bye".utf8))
        #expect(!client.waitUntilHungUp(milliseconds: 0))
        let bytes = Self.random(1 << 20)
        client.writeInBackground(bytes)
        #expect(try peer.readToEnd() == bytes)
    }

    /// A client that writes before it reads, as socat does, leaves with the first write that fails, and without the reason.
    @Test func aClientThatStillWritesReadsWhyItWasRefused() throws {
        let (client, answer) = try proxy.request(.connect(guest: "vm", service: "nonsense", now: false))
        defer { client.close() }
        #expect(answer.hasPrefix("ERR no service 'nonsense'"), "\(answer)")
        #expect(try client.readToEnd().isEmpty)
        try client.writeAll(Array("more".utf8))
        #expect(client.waitUntilHungUp(), "the connection is closed in the end")
    }

    @Test func muchPassesBothWaysAtOnceUnchanged() throws {
        let service = try TestService.echo()
        let client = try proxy.connect(service.name)
        defer { client.close() }
        let bytes = Self.random(8 << 20)
        client.writeInBackground(bytes)
        #expect(try client.readToEnd() == bytes)
    }

    @Test func aClientThatDoesNotReadStallsNobodyElse() throws {
        let service = try TestService()
        let idle = try proxy.connect(service.name)
        defer { idle.close() }
        let peer = try service.accept()
        let bytes = Self.random(4 << 20)
        peer.writeInBackground(bytes)
        let echo = try TestService.echo()
        let client = try proxy.connect(echo.name)
        client.writeInBackground(bytes)
        #expect(try client.readToEnd() == bytes)
        client.close()
        #expect(try idle.readToEnd() == bytes)
        peer.close()
    }

    @Test func whatAClientSentBeforeItWentReachesTheService() throws {
        let service = try TestService()
        let client = try proxy.connect(service.name)
        let bytes = Self.random(100_000)
        try client.writeAll(bytes)
        client.close()
        let peer = try service.accept()
        defer { peer.close() }
        #expect(try peer.readToEnd() == bytes)
    }

    @Test func aServiceThatSendsToAClientThatIsGoneIsToldByAReset() throws {
        let service = try TestService()
        try proxy.connect(service.name).close()
        let peer = try service.accept()
        defer { peer.close() }
        #expect(try peer.readToEnd().isEmpty)
        linux_ignore_signal(SIGPIPE)
        // The first bytes are what the reset answers.
        #expect(throws: Errno.self) { while true { try peer.writeAll([UInt8](repeating: 0, count: 64 << 10)) } }
    }

    /// A client can tell a connection that was broken off from one that ended: its own direction is gone, too.
    @Test func aConnectionThatTheServiceBreaksOffIsClosedAfterWhatItSent() throws {
        let service = try TestService()
        let client = try proxy.connect(service.name)
        defer { client.close() }
        let peer = try service.accept()
        try peer.writeAll(Array("part".utf8))
        #expect(try client.bytes(4) == Array("part".utf8))
        peer.closeWithReset()
        #expect(try client.readToEnd().isEmpty)
        #expect(client.waitUntilHungUp())
    }

    @Test func aConnectionEndsWithItsLink() throws {
        let service = try TestService()
        let client = try proxy.connect(service.name)
        defer { client.close() }
        let peer = try service.accept()
        defer { peer.close() }
        agent.stop()
        #expect(try client.readToEnd().isEmpty)
        #expect(client.waitUntilHungUp())
    }

    @Test func whyThereIsNoConnectionIsTheAnswer() throws {
        let (socket, answer) = try proxy.request(.connect(guest: "vm", service: "connect:unix:/no/such", now: false))
        defer { socket.close() }
        #expect(answer == "ERR cannot connect to /no/such in the guest: there is no such socket")
        #expect(try socket.readToEnd().isEmpty)
    }

    @Test func connectionsAreNoSessionsAndAreCountedUntilTheyEnd() throws {
        let service = try TestService.echo()
        let clients = try (0..<3).map { _ in try proxy.connect(service.name) }
        let shell = try proxy.connect(Service.shell.rawValue)
        var status = try proxy.client.status(of: "vm")
        #expect(status.connections == 3 && status.sessions == 1)
        for client in clients {
            try client.finishSending()
            #expect(try client.readToEnd().isEmpty)
            client.close()
        }
        try shell.finishSending()
        #expect(try shell.readToEnd().isEmpty)
        shell.close()
        // A refused service counts for nothing, too.
        try proxy.request(.connect(guest: "vm", service: "connect:unix:/no/such", now: false)).socket.close()
        status = try proxy.client.status(of: "vm")
        #expect(status.connections == 0 && status.sessions == 0)
    }

    @Test func moreConnectionsThanAGuestTakesAreRefused() throws {
        // Nobody takes them: they wait in the kernel.
        let service = try TestService()
        let clients = try (0..<512).map { _ in try proxy.connect(service.name) }
        let (socket, answer) = try proxy.request(.connect(guest: "vm", service: service.name, now: false))
        #expect(answer == "ERR the guest has 512 connections already, which is the most it takes")
        for client in clients + [socket] { client.close() }
    }

    @Test func twoHundredConnectionsAtOnceKeepTheirBytesApart() throws {
        let service = try TestService.echo()
        let clients = try (0..<200).map { _ in try proxy.connect(service.name) }
        for (index, client) in clients.enumerated() {
            client.writeInBackground([UInt8](repeating: UInt8(index), count: 5_000 + index))
        }
        for (index, client) in clients.enumerated() {
            #expect(try client.readToEnd() == [UInt8](repeating: UInt8(index), count: 5_000 + index))
            client.close()
        }
    }
}
