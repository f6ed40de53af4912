import AgentProtocol
import Foundation

/// The guest's end of an exec stream, on a thread of its own: takes and sends real frames over a real socket.
final class GuestEnd {
    private let socket: CInt
    private var decoder = FrameDecoder()

    private init(socket: CInt) { self.socket = socket }

    deinit { close(socket) }

    /// Runs `body` on a new thread with one end of a socket pair and returns the other end.
    static func start(_ body: @escaping @Sendable (GuestEnd) throws -> Void) -> CInt {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return -1 }
        let (ours, theirs) = (ends[0], ends[1])
        Thread.detachNewThread { try? body(GuestEnd(socket: ours)) }
        guard fcntl(theirs, F_SETFL, O_RDWR | O_NONBLOCK) == 0 else { return -1 }
        return theirs
    }

    /// The next frame; nil when the client has closed its end.
    func frame() throws -> Frame? {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            if let frame = try decoder.next() { return frame }
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            decoder.append(chunk[..<count])
        }
    }

    /// Sends a frame; waits while the client does not read.
    func send(_ type: FrameType, _ payload: ArraySlice<UInt8> = []) {
        var rest = Frame(type, payload).encoded()[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func start(session: UInt64 = 1, isWriter: Bool = true) {
        send(.started, SessionStart(process: 1, session: session, isTerminal: false, isWriter: isWriter).encoded()[...])
    }

    func end(_ status: AgentProtocol.ExitStatus) { send(.ended, status.encoded()[...]) }
}
