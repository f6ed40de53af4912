/// One stream's windows and half-closes.
struct StreamState {
    /// Both sides of the specification begin with this window.
    static let initialWindow: UInt32 = 256 << 10

    /// How many bytes the peer will take now.
    var sendWindow = StreamState.initialWindow
    /// How many bytes the peer may still send.
    var receiveWindow = StreamState.initialWindow
    /// Bytes that the application has used, but whose credit the peer does not have yet.
    var uncredited: UInt32 = 0
    var weFinished = false
    var peerFinished = false

    var isOver: Bool { weFinished && peerFinished }
}
