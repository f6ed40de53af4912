/// One stream's windows, half-closes and place in the queue for the output.
struct StreamState: Sendable {
    /// How far the opening of a stream is.
    enum Opening {
        /// Ours, and the peer has not been told.
        case unannounced
        /// Ours, and the peer has not answered.
        case announced
        case established
    }

    /// Until a stream has sent this many bytes, other streams' output does not hold it back: a request or its answer
    /// always finds room on a fresh stream.
    static let firstFlight: UInt32 = 4 << 10

    var opening: Opening
    /// How many bytes the peer will take now.
    var sendWindow = ReceiveWindow.minimum
    var receive = ReceiveWindow()
    var weFinished = false
    var peerFinished = false
    /// Bytes sent, as far as the first flight goes.
    var sentAtFirst: UInt32 = 0
    /// The owner waits for a `writable` event until this many bytes can be sent; 0 when it does not wait.
    var wanted: UInt32 = 0
    /// It has a place in the queue of those whom only the output holds back.
    var isQueued = false

    init(_ opening: Opening) { self.opening = opening }

    var isOver: Bool { weFinished && peerFinished }
    var firstFlightLeft: Int { Int(StreamState.firstFlight - sentAtFirst) }

    mutating func sent(_ count: Int) {
        sendWindow -= UInt32(count)
        sentAtFirst += UInt32(min(count, firstFlightLeft))
    }
}
