internal import CLinux
internal import NIOCore

/// Writes to a channel's socket past the channel's queue: what the socket takes at once, which is nearly all, is neither copied
/// nor queued. The rest goes through the queue, and all that comes later does, too, until the queue is empty.
///
/// On the event loop, by the only one that writes to the channel.
final class SocketWriter {
    private let context: ChannelHandlerContext
    /// Written to only while the channel is active: it closes its socket and ceases to be active in one step.
    let socket: CInt?
    /// Bytes in the channel's queue.
    private(set) var queuedCount = 0

    init(_ context: ChannelHandlerContext) {
        self.context = context
        let operations = context.channel.pipeline.syncOperations
        socket = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
    }

    /// Whether the socket may take more: it has taken all so far.
    var isReady: Bool { queuedCount == 0 && context.channel.isActive }

    /// Writes what the socket takes, and queues the rest until `flush`. Returns how many bytes were written; `whenWritten` is
    /// called with the count of the others when they are, or cannot be, written.
    func write(_ bytes: ArraySlice<UInt8>, whenWritten: @escaping (Int) -> Void) -> Int {
        let written = isReady ? bytes.withUnsafeBytes { writeNow($0) } : 0
        let rest = bytes.dropFirst(written)
        guard !rest.isEmpty else { return written }
        queuedCount += rest.count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            queuedCount -= rest.count
            whenWritten(rest.count)
        }
        context.write(NIOAny(context.channel.allocator.buffer(bytes: rest)), promise: promise)
        return written
    }

    /// Lets the channel write what is queued.
    func flush() { if queuedCount > 0 { context.flush() } }

    /// An error is the channel's to find, when it writes the same bytes.
    private func writeNow(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let socket else { return 0 }
        return max(0, send(socket, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL)))
    }
}
