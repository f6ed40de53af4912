import AgentProtocol
import CLinux
import Glibc
import LinuxSystem

/// Frames to and from a service that answers what it was asked. Every wait ends at its deadline, or when a signal arrives.
struct FrameExchange {
    private let stream: ServiceStream
    private let signals: SignalInbox?
    private var decoder = FrameDecoder()

    init(_ stream: ServiceStream, signals: SignalInbox?) {
        self.stream = stream
        self.signals = signals
        decoder.append(stream.early)
    }

    /// Sends a frame that is small enough for the socket to take at once.
    func send(_ frame: Frame) throws(ProxyClientError) {
        let bytes = frame.encoded()
        let count = bytes.withUnsafeBytes { Glibc.send(stream.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard count == bytes.count else { throw .linkLost(guest: stream.guest, why: "\(Errno.current)") }
    }

    /// The next frame; `purpose` is what is waited for, as in "no PURPOSE within 15 s".
    mutating func next(_ deadline: Deadline, purpose: String) throws(ProxyClientError) -> Frame {
        var chunk = [UInt8](repeating: 0, count: 32 << 10)
        while true {
            do throws(ProtocolError) {
                if let frame = try decoder.next() { return frame }
            } catch { throw .linkLost(guest: stream.guest, why: error.text) }
            let count = chunk.withUnsafeMutableBytes { recv(stream.descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                decoder.append(chunk[..<count])
            } else if count == 0 {
                throw .linkLost(guest: stream.guest, why: nil)
            } else {
                let error = Errno.current
                guard error == Errno(EAGAIN) || error == Errno(EINTR) else { throw .linkLost(guest: stream.guest, why: "\(error)") }
                try wait(deadline, purpose: purpose)
            }
        }
    }

    private func wait(_ deadline: Deadline, purpose: String) throws(ProxyClientError) {
        var interests = [
            pollfd(fd: stream.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let ready = poll(&interests, nfds_t(interests.count), deadline.pollTimeout)
        if ready < 0, Errno.current != Errno(EINTR) { throw .system(call: "poll", .current) }
        if let signal = signals?.nextInterruption() { throw .interrupted(signal: signal) }
        if ready == 0, deadline.hasPassed { throw .timedOut(waitingFor: purpose, after: deadline.length) }
    }
}
