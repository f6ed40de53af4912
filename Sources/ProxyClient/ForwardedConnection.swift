import AgentProtocol
import CLinux
import ControlProtocol
import Glibc
import LinuxSystem

/// One connection from the user's end to a port or socket in the guest, through the proxy: two directions that end by
/// themselves, and at most `queueLimit` bytes waiting in each.
final class ForwardedConnection {
    /// How it ended.
    enum End: Equatable {
        /// Both directions came to their ends, or the user went.
        case complete
        /// The guest's side cannot be had.
        case refused(reason: String)
        /// The proxy, the link, or the peer in the guest broke it off.
        case lost
    }

    static let queueLimit = 128 << 10
    private static let answerLimit = 4096

    /// The bytes of one direction between their source and their sink.
    private struct Direction {
        var queue = ByteQueue()
        var sourceEnded = false
        /// The sink has been told of the end, or takes nothing more.
        var sinkEnded = false

        var wantsBytes: Bool { !sourceEnded && !sinkEnded && queue.count < ForwardedConnection.queueLimit }
        var hasBytes: Bool { !queue.isEmpty && !sinkEnded }
        var isOver: Bool { sourceEnded && sinkEnded }

        mutating func endSink() {
            sinkEnded = true
            queue.removeAll()
        }
    }

    private let user: ForwardEnd
    private let proxy: UnixSocket
    /// The proxy's answer line so far; nil once it has come.
    private var answer: [UInt8]? = []
    private var toGuest = Direction()
    private var toUser = Direction()
    /// The user's end is closed, not only its sending side: what was sent still goes to the guest.
    private var userGone = false
    private var guestGone = false
    private(set) var end: End?

    /// Asks the proxy of `directory` for `target` in `guest`; the answer is awaited in the loop.
    init(_ user: ForwardEnd, _ target: ConnectTarget, of guest: String, directory: String) throws(ProxyClientError) {
        self.user = user
        let connection = try ControlConnection(directory: directory, socketName: ControlSocket.name)
        let request = ControlRequest.connect(guest: guest, service: target.service, now: false)
        try connection.send(line: request.line, deadline: .after(ProxyClient.patience))
        proxy = connection.socket
    }

    // MARK: Waiting

    /// What to poll for: the user's input, its output, and the proxy's socket. -1 is passed over, so that an end that nobody
    /// waits for does not spin the loop.
    var interests: [pollfd] {
        let readsUser = answer == nil && toGuest.wantsBytes && !userGone
        let writesUser = toUser.hasBytes
        var input = Self.interest(user.input, read: readsUser)
        var output = Self.interest(user.output, write: writesUser)
        if user.isSocket {
            // One descriptor: asked about twice it would be answered twice.
            input = Self.interest(user.input, read: readsUser, write: writesUser)
            output.fd = -1
            // With nothing left to read and nothing to write, its far end may still vanish.
            if input.fd < 0, !userGone, toGuest.sourceEnded { input.fd = user.input }
        }
        let readsProxy = answer != nil || toUser.wantsBytes
        return [input, output, Self.interest(proxy.descriptor, read: readsProxy, write: answer == nil && toGuest.hasBytes)]
    }

    private static func interest(_ descriptor: CInt, read: Bool = false, write: Bool = false) -> pollfd {
        let events = (read ? POLLIN : 0) | (write ? POLLOUT : 0)
        return pollfd(fd: events == 0 ? -1 : descriptor, events: Int16(events), revents: 0)
    }

    /// Does what has become possible; `end` is set when nothing is left to do.
    func handle(_ events: ArraySlice<pollfd>, _ buffer: UnsafeMutableRawBufferPointer) {
        guard events.count == 3, end == nil else { return }
        let first = events.startIndex
        let (input, output, socket) = (events[first], events[first + 1], events[first + 2])
        if (input.revents | output.revents) & Int16(POLLOUT) != 0 || output.revents != 0 { writeToUser() }
        if socket.revents & Int16(POLLOUT | POLLHUP | POLLERR) != 0 { writeToGuest() }
        if socket.revents & ~Int16(POLLOUT) != 0, socket.events & Int16(POLLIN) != 0 || answer != nil {
            if answer != nil { readAnswer(buffer) } else { readFromGuest(buffer) }
        }
        if input.revents & ~Int16(POLLOUT) != 0 {
            if input.events & Int16(POLLIN) != 0 { readFromUser(buffer) } else { userVanished() }
        }
        settle()
    }

    // MARK: The proxy's answer

    private func readAnswer(_ buffer: UnsafeMutableRawBufferPointer) {
        let count = recv(proxy.descriptor, buffer.baseAddress, min(buffer.count, Self.answerLimit), 0)
        guard count > 0 else {
            if count < 0, Errno.current == Errno(EAGAIN) || Errno.current == Errno(EINTR) { return }
            return finish(.refused(reason: "the vm-proxy ended the connection without an answer"))
        }
        var received = answer ?? []
        received.append(contentsOf: buffer[..<count])
        guard let lineEnd = received.firstIndex(of: UInt8(ascii: "\n")) else {
            answer = received
            if received.count >= Self.answerLimit { finish(.refused(reason: "the vm-proxy's answer is not of this protocol")) }
            return
        }
        let line = String(decoding: received[..<lineEnd], as: UTF8.self)
        guard line == "OK" else {
            return finish(.refused(reason: line.hasPrefix("ERR ") ? String(line.dropFirst(4)) : "the vm-proxy answered '\(line)'"))
        }
        answer = nil
        toUser.queue.append(received[(lineEnd + 1)...])
        writeToUser()
    }

    // MARK: To the guest

    private func readFromUser(_ buffer: UnsafeMutableRawBufferPointer) {
        switch user.read(into: buffer) {
        case .bytes(let count): toGuest.queue.append(buffer[..<count])
        case .later: return
        case .ended: toGuest.sourceEnded = true
        // Reset: nothing of it is wanted any more.
        case .broken: return finish(.complete)
        }
        writeToGuest()
    }

    private func writeToGuest() {
        while toGuest.hasBytes {
            var outcome = ForwardEnd.Outcome.later
            toGuest.queue.consume(upTo: Self.queueLimit) { bytes in
                let count = send(proxy.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
                if count >= 0 { outcome = .bytes(count) } else if Errno.current != Errno(EAGAIN) { outcome = .broken }
                return max(0, count)
            }
            if outcome == .later { return }
            if outcome == .broken {
                // What the guest sent before it went is still to be read.
                toGuest.endSink()
                guestGone = true
            }
        }
        if toGuest.sourceEnded, !toGuest.sinkEnded {
            _ = linux_finish_sending(proxy.descriptor)
            toGuest.endSink()
        }
    }

    // MARK: To the user

    private func readFromGuest(_ buffer: UnsafeMutableRawBufferPointer) {
        let count = recv(proxy.descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 {
            if !toUser.sinkEnded { toUser.queue.append(buffer[..<count]) }
        } else if count == 0 {
            toUser.sourceEnded = true
            // An end in order is of one direction; a proxy that closes both while ours is open has lost the guest's side.
            if hasHungUp, !toGuest.sinkEnded { guestGone = true }
        } else if Errno.current != Errno(EAGAIN), Errno.current != Errno(EINTR) {
            toUser.sourceEnded = true
            guestGone = true
        }
        writeToUser()
    }

    private var hasHungUp: Bool {
        var state = pollfd(fd: proxy.descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) > 0 && state.revents & Int16(POLLHUP) != 0
    }

    private func writeToUser() {
        while toUser.hasBytes {
            var outcome = ForwardEnd.Outcome.later
            toUser.queue.consume(upTo: Self.queueLimit) { bytes in
                outcome = user.write(bytes)
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            if outcome == .later { return }
            if outcome == .ended || outcome == .broken { return userVanished() }
        }
        if toUser.sourceEnded, !toUser.sinkEnded, !guestGone {
            user.finish()
            toUser.endSink()
        }
    }

    /// Nobody takes what the guest sends. What was sent to it before still goes there.
    private func userVanished() {
        userGone = true
        toUser.endSink()
        toGuest.sourceEnded = true
        writeToGuest()
    }

    // MARK: Ends

    private func settle() {
        guard end == nil else { return }
        if guestGone, toUser.queue.isEmpty, toUser.sourceEnded || userGone { return finish(.lost) }
        if toGuest.isOver, toUser.isOver || userGone { finish(.complete) }
    }

    private func finish(_ end: End) {
        self.end = end
        if end != .complete { user.breakOff() }
    }

    /// Ends it because the guest is gone, or because forwarding ends.
    func breakOff() { if end == nil { finish(.lost) } }
}
