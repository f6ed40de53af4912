import CLinux
import Foundation

/// What went wrong in a test's own parts: says which.
struct TestFault: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Makes a system call again while a signal interrupts it.
func uninterrupted(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

/// A connection to a UNIX socket, blocking, with a bound on every wait.
final class SocketClient {
    let descriptor: CInt
    private var received: [UInt8] = []
    /// Far more than anything takes here: what is over it fails.
    static let patience: CInt = 30_000

    init(descriptor: CInt) { self.descriptor = descriptor }

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        // `deinit` closes it also when this throws.
        guard result == 0 else { throw TestFault("connect \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Two connected ends.
    static func pair() throws -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { throw TestFault("socketpair") }
        return (ends[0], ends[1])
    }

    func send(_ bytes: some Collection<UInt8>) throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = uninterrupted {
                rest.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            }
            guard count > 0 else { throw TestFault("send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends no more.
    func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// What has come by now, after waiting for something; empty at the end.
    func receive() throws -> [UInt8] {
        if !received.isEmpty {
            defer { received = [] }
            return received
        }
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard uninterrupted({ Int(poll(&request, 1, SocketClient.patience)) }) > 0 else {
            throw TestFault("nothing came for \(SocketClient.patience) ms")
        }
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = uninterrupted { read(descriptor, &chunk, chunk.count) }
        // A peer that was killed with unread bytes resets the connection: that is an end, too.
        return count > 0 ? Array(chunk[..<count]) : []
    }

    /// Everything up to the end.
    func rest() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return all }
            all += more
        }
    }

    /// A line, without its line feed; what there is when the end comes first.
    func line() throws -> String {
        var line: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return String(decoding: line, as: UTF8.self) }
            line += more
            guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else { continue }
            received = Array(line[(end + 1)...])
            return String(decoding: line[..<end], as: UTF8.self)
        }
    }
}
