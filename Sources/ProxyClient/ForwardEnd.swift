import CLinux
import Glibc
import LinuxSystem

/// The user's end of a forwarded connection: a socket, which is owned, or the standard streams, which are not.
final class ForwardEnd {
    let input: CInt
    let output: CInt
    private let isOwned: Bool

    /// What became of a read or a write.
    enum Outcome: Equatable {
        case bytes(Int)
        case later
        /// The end when read; when written, nobody reads any more.
        case ended
        case broken
    }

    /// Takes over a connected socket.
    init(socket: CInt) {
        (input, output) = (socket, socket)
        isOwned = true
    }

    /// Uses two descriptors, whose flags are not touched: other programs may share them.
    init(_ streams: StandardStreams) {
        (input, output) = (streams.input, streams.output)
        isOwned = false
    }

    deinit { if isOwned { close(input) } }

    /// Whether it is one socket, whose far end can be seen to vanish.
    var isSocket: Bool { isOwned }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        let count =
            isOwned
            ? recv(input, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT)) : Glibc.read(input, buffer.baseAddress, buffer.count)
        if count > 0 { return .bytes(count) }
        if count == 0 { return .ended }
        return Self.outcome(of: .current)
    }

    /// Writes what the end takes without waiting.
    func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        if isOwned { return Self.outcome(of: send(output, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))) }
        // A pipe that is ready has room for PIPE_BUF bytes.
        var ready = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) > 0 else { return .later }
        let count = min(bytes.count, 4096)
        let sent = send(output, bytes.baseAddress, count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        if sent < 0, Errno.current == Errno(ENOTSOCK) { return Self.outcome(of: Glibc.write(output, bytes.baseAddress, count)) }
        return Self.outcome(of: sent)
    }

    /// Says that no more is written.
    func finish() {
        guard linux_finish_sending(output) != 0, !isOwned else { return }
        // A pipe or a file: its number must stay taken, or the next file that is opened becomes the standard output.
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if null >= 0 {
            dup2(null, output)
            close(null)
        }
    }

    /// Makes the end of a TCP connection a reset, where that takes nothing away that was written.
    func breakOff() {
        if isOwned, linux_unsent_bytes(input) <= 0 { linux_reset_on_close(input) }
    }

    private static func outcome(of count: Int) -> Outcome { count >= 0 ? .bytes(count) : outcome(of: Errno.current) }

    private static func outcome(of error: Errno) -> Outcome {
        switch error {
        case Errno(EAGAIN), Errno(EINTR): .later
        case Errno(EPIPE): .ended
        default: .broken
        }
    }
}
