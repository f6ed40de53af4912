internal import AgentProtocol
internal import LinuxSystem

/// The service `echo`: what comes goes back, in order. The client gets credit for what was sent back, so no more than a stream's window
/// ever waits here.
final class Echo: StreamService {
    private let stream: LinkStream
    private var waiting: [ArraySlice<UInt8>] = []
    private var clientFinished = false
    private(set) var isOver = false

    init(_ stream: LinkStream) { self.stream = stream }

    var nextDeadline: UInt64? { nil }

    func start() { stream.accept() }

    func received(_ bytes: ArraySlice<UInt8>) {
        waiting.append(bytes)
        sendBack()
    }

    func inputFinished() {
        clientFinished = true
        sendBack()
    }

    func streamWritable() { sendBack() }
    func streamLost() { (waiting, isOver) = ([], true) }
    func ready(_ ready: EventPoll.Interest) {}
    func tick(now: UInt64) {}

    private func sendBack() {
        while let first = waiting.first {
            let count = min(first.count, stream.capacity(wanted: 1))
            guard count > 0 || first.isEmpty else { return }
            if count > 0 { stream.send([], first.prefix(count)) }
            if count == first.count { waiting.removeFirst() } else { waiting[0] = first.dropFirst(count) }
            stream.consumed(count)
        }
        guard clientFinished, !isOver else { return }
        stream.finish()
        isOver = true
    }
}
