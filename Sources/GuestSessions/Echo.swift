internal import AgentProtocol
internal import LinuxSystem

/// The service `echo`: what comes goes back, in order. The client gets credit for what was sent back, so no more than a stream's window
/// ever waits here.
final class Echo: StreamService {
    private let stream: LinkStream
    private var queue = ByteQueue()
    private var clientFinished = false
    private(set) var isOver = false

    init(_ stream: LinkStream) { self.stream = stream }

    var nextDeadline: UInt64? { nil }

    func start() { stream.accept() }

    func received(_ bytes: ArraySlice<UInt8>) {
        queue.append(bytes)
        sendBack()
    }

    func inputFinished() {
        clientFinished = true
        sendBack()
    }

    func streamWritable() { sendBack() }
    func streamLost() { (queue, isOver) = (ByteQueue(), true) }
    func ready(_ ready: EventPoll.Interest) {}
    func tick(now: UInt64) {}

    private func sendBack() {
        while !queue.isEmpty {
            let room = stream.capacity(wanted: 1)
            guard room > 0 else { return }
            let count = queue.take { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
                stream.send(Array(piece))
                return piece.count
            }
            stream.consumed(count)
        }
        guard clientFinished, !isOver else { return }
        stream.finish()
        isOver = true
    }
}
