import AgentProtocol
import CLinux
import Glibc
import LinuxSystem

extension ProxyClient {
    /// A stream on which a guest's agent sends back what it gets: the whole way through proxy and agent, and nothing else.
    ///
    /// - Parameter deadline: how long to wait for a guest that has no link.
    public func echo(of guest: String, deadline: Deadline) throws(ProxyClientError) -> EchoStream {
        EchoStream(try open(Service.echo.rawValue, of: guest, now: true, deadline: deadline))
    }
}

/// The stream of `ProxyClient.echo`.
public struct EchoStream {
    private let stream: ServiceStream

    init(_ stream: ServiceStream) { self.stream = stream }

    /// Sends `bytes` and waits until they are back; how long that took.
    ///
    /// - Throws: `timedOut` at the deadline; the stream is then of no more use. `malformedReply` when other bytes come.
    public func roundTrip(_ bytes: [UInt8], deadline: Deadline) throws(ProxyClientError) -> Duration {
        let clock = ContinuousClock()
        let started = clock.now
        var sent = 0
        var back = 0
        var chunk = [UInt8](repeating: 0, count: min(max(1, bytes.count), 256 << 10))
        while back < bytes.count {
            var interest = pollfd(fd: stream.descriptor, events: Int16(POLLIN | (sent < bytes.count ? POLLOUT : 0)), revents: 0)
            if sent > 0 {
                let ready = poll(&interest, 1, deadline.pollTimeout)
                if ready < 0, Errno.current != Errno(EINTR) { throw .system(call: "poll", .current) }
                if deadline.hasPassed { throw .timedOut(waitingFor: "echo from guest '\(stream.guest)'", after: deadline.length) }
            }
            if sent < bytes.count { sent += try send(bytes[sent...]) }
            let count = chunk.withUnsafeMutableBytes { recv(stream.descriptor, $0.baseAddress, min($0.count, bytes.count - back), 0) }
            if count == 0 { throw .linkLost(guest: stream.guest, why: nil) }
            guard count > 0 else {
                try checkIsTemporary()
                continue
            }
            guard chunk[..<count] == bytes[back..<back + count] else { throw .malformedReply("other bytes than were sent to be echoed") }
            back += count
        }
        return started.duration(to: clock.now)
    }

    private func send(_ bytes: ArraySlice<UInt8>) throws(ProxyClientError) -> Int {
        let count = bytes.withUnsafeBytes { Glibc.send(stream.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if count < 0 { try checkIsTemporary() }
        return max(0, count)
    }

    private func checkIsTemporary() throws(ProxyClientError) {
        let error = Errno.current
        guard error == .wouldBlock || error == .interrupted else { throw .linkLost(guest: stream.guest, why: "\(error)") }
    }
}
