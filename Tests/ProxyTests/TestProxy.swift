import CLinux
import ControlProtocol
import Foundation
import LinuxSystem
import ProxyClient
import Testing

/// A `vm-proxy` of its own in a new directory. Both are gone at the end.
final class TestProxy {
    let directory: String
    private let process: ChildProcess

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("vmp-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("vm-proxy").path
        let ready = try FileDescriptor.pipe()
        var start = Program(program, ["serve", "--directory", directory, "--ready-fd", "1", "--wait", "20"])
        start.standardOutput = ready.writeEnd
        process = try start.start()
        ready.writeEnd.close()
        defer { ready.readEnd.close() }
        try #require(ready.readEnd.waitUntilReadable(milliseconds: 30_000), "\(program) does not begin to serve")
        try #require(try ready.readEnd.read(upTo: 1)?.isEmpty == false, "\(program) does not begin to serve")
    }

    deinit {
        process.signal(SIGTERM)
        if !process.pidfd.waitUntilReadable(milliseconds: 10_000) { process.signal(SIGKILL) }
        _ = process.end()
        process.pidfd.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var client: ProxyClient { ProxyClient(directory: directory) }

    /// A connection to the control socket, after this request and its answer. Closed by the caller.
    func request(_ request: ControlRequest) throws -> (socket: FileDescriptor, answer: String) {
        let descriptor = linux_connect_unix("\(directory)/\(ControlSocket.name)")
        try #require(descriptor >= 0)
        let socket = FileDescriptor(rawValue: descriptor)
        try socket.writeAll(Array((request.line + "\n").utf8))
        return (socket, try socket.line())
    }

    /// A connection to `target` in `guest`, which must be had.
    func connect(_ service: String, of guest: String = "vm") throws -> FileDescriptor {
        let (socket, answer) = try request(.connect(guest: guest, service: service, now: false))
        try #require(answer == "OK")
        return socket
    }
}

extension FileDescriptor {
    /// The next line, without its line feed, and not one byte more.
    func line() throws -> String {
        var bytes: [UInt8] = []
        while let byte = try read(upTo: 1)?.first, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads this many bytes, or to the end.
    func bytes(_ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count, let bytes = try read(upTo: min(count - all.count, 64 << 10)), !bytes.isEmpty { all += bytes }
        return all
    }

    func readToEnd() throws -> [UInt8] { try bytes(.max) }

    /// Writes on a thread of its own, then ends the direction.
    func writeInBackground(_ bytes: [UInt8]) {
        Thread.detachNewThread { [self] in
            try? writeAll(bytes)
            try? finishSending()
        }
    }
}
