import CLinux
import LinuxSystem
import Yamux

/// A connection's socket: what arrives goes into yamux, what yamux has to say goes out, and events to whoever runs.
final class Wire {
    private let socket: FileDescriptor
    private let deadline: UInt64
    private let hasPressure: Bool
    /// The one ping that is under way, and when the next one is due.
    private var ping: (value: UInt32, sentAt: UInt64)?
    private var pings: UInt32 = 0
    private var nextPing: UInt64 = 0
    private static let pingInterval: UInt64 = 200_000
    private var output: [UInt8] = []
    private var written = 0
    private var turns = 0
    private var input = [UInt8](repeating: 0, count: 256 << 10)
    var yamux: YamuxConnection
    /// The peer has closed the connection.
    private(set) var isOver = false

    init(_ options: Options) throws(Fault) {
        var limits = YamuxLimits()
        limits.maximumStreamWindow = options.window
        limits.maximumExtraWindow = 256 << 20
        limits.maximumUnacknowledged = options.backlog
        limits.maximumStreams = 4096
        yamux = YamuxConnection(role: options.role, limits: limits)
        hasPressure = options.hasPressure
        deadline = Uptime.microseconds + UInt64(options.timeout) * 1_000_000
        var descriptor: CInt
        if options.listens {
            let listener = linux_listen_unix(options.socket)
            descriptor = listener < 0 ? -1 : accept(listener, nil, nil)
            if listener >= 0 { close(listener) }
        } else {
            descriptor = linux_connect_unix(options.socket)
            // The peer may be about to listen.
            while descriptor < 0, [.noSuchFile, Errno(ECONNREFUSED)].contains(Errno.current), Uptime.microseconds < deadline {
                usleep(10_000)
                descriptor = linux_connect_unix(options.socket)
            }
        }
        guard descriptor >= 0 else { throw Fault(text: "\(options.socket): \(Errno.current.description)") }
        socket = FileDescriptor(rawValue: descriptor)
        do { try socket.setNonBlocking() } catch { throw Fault(text: error.description) }
    }

    /// Waits for the socket, reads and writes; the events that follow go to `handle`.
    func turn(_ handle: (YamuxEvent) throws(Fault) -> Void) throws(Fault) {
        try write(handle)
        var request = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        if written < output.count || yamux.outputCount > 0 { request.events |= Int16(POLLOUT) }
        let now = Uptime.microseconds
        guard now < deadline else { throw Fault(text: "time is up with \(yamux.streamCount) streams open", isTimeout: true) }
        let next = min(deadline, nextPing)
        if poll(&request, 1, CInt(next > now ? min((next - now) / 1000 + 1, 1000) : 0)) < 0, Errno.current != .interrupted {
            throw Fault(text: "poll: \(Errno.current.description)")
        }
        tick()
        if request.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { try read(handle) }
        try write(handle)
    }

    private func tick() {
        let now = Uptime.microseconds
        yamux.advance(to: now)
        if nextPing <= now {
            nextPing = now + Wire.pingInterval
            if ping == nil {
                pings += 1
                ping = (pings, now)
                yamux.ping(pings)
            }
        }
        turns += 1
        if hasPressure, turns % 50 == 0 { yamux.limitExtraWindow(to: turns % 100 == 0 ? 0 : .max) }
    }

    private func read(_ handle: (YamuxEvent) throws(Fault) -> Void) throws(Fault) {
        let result: Result<Int?, Fault> = input.withUnsafeMutableBytes { buffer in
            do throws(Errno) {
                guard let count = try socket.read(into: buffer), count > 0 else { return .success(nil) }
                do throws(YamuxError) { try yamux.receive(Array(buffer[..<count])[...]) } catch {
                    return .failure(Fault(text: "the peer: \(error.text)"))
                }
                return .success(count)
            } catch { return .failure(Fault(text: "read: \(error.description)")) }
        }
        let count = try result.get()
        try handleEvents(handle)
        isOver = count == nil
    }

    private func write(_ handle: (YamuxEvent) throws(Fault) -> Void) throws(Fault) {
        while true {
            if written == output.count {
                guard yamux.outputCount > 0 else { return }
                (output, written) = (yamux.takeOutput(), 0)
                try handleEvents(handle)
            }
            let result: Result<Int?, Errno> = output.withUnsafeBytes { buffer in
                do throws(Errno) { return .success(try socket.write(UnsafeRawBufferPointer(rebasing: buffer[written...]))) } catch {
                    return .failure(error)
                }
            }
            switch result {
            case .success(let count?): written += count
            case .success(nil): return
            case .failure(let error): throw Fault(text: "write: \(error.description)")
            }
        }
    }

    private func handleEvents(_ handle: (YamuxEvent) throws(Fault) -> Void) throws(Fault) {
        while let event = yamux.nextEvent() {
            if case .pong(let value) = event {
                guard let sent = ping, sent.value == value else { continue }
                ping = nil
                yamux.roundTrip = min(yamux.roundTrip ?? .max, Uptime.microseconds - sent.sentAt)
            } else {
                try handle(event)
            }
        }
    }

    /// Leaves: says so, writes what is left, and closes.
    func end() throws(Fault) {
        yamux.goAway(0)
        while written < output.count || yamux.outputCount > 0 { try turn { _ throws(Fault) in } }
        socket.close()
    }
}
