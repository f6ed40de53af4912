import AgentProtocol
import CLinux
import Foundation
import LinuxSystem
import Proxy
import Testing

/// The real agent as a process of this machine, over a socket pair in place of a VM's network.
final class TestAgent {
    private let process: ChildProgram

    private init(_ process: ChildProgram) { self.process = process }

    /// Links a guest to the proxy of `directory`. The agent ends when `stop` is called, or its link is lost.
    static func start(_ directory: String, guest: String = "vm") throws -> TestAgent {
        let (ours, theirs) = try SocketClient.pair()
        defer { close(ours) }
        let agent = TestAgent(try startAgent(["--descriptor", "0"], input: theirs))
        try LinkHelper.pass(FileDescriptor(rawValue: ours), guest: guest, directory: directory)
        return agent
    }

    /// Breaks the link.
    func stop() { process.kill() }
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

    deinit { listener.closeListener() }

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
        // The number of the service's own may be another's before the thread has seen that it is closed.
        let listener = FileDescriptor(rawValue: linux_duplicate(service.listener.rawValue))
        Thread.detachNewThread {
            defer { listener.close() }
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

extension LinuxSystem.FileDescriptor {
    /// Ends a listener as its process's death would, though another test may be starting a program with a copy of the descriptor.
    func closeListener() {
        shutdown(rawValue, CInt(SHUT_RDWR))
        close()
    }
}
