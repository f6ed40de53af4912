internal import AgentProtocol

/// The wait for the proxy's answer to a hello. What arrives before it is left over from another connection, on a transport
/// that keeps such bytes (`docs/transports.md`), and is passed over.
struct Greeting {
    /// How long after a proxy's request another hello is sent, when no answer came: 0.3 s, in microseconds. The request may
    /// be older than our hello, and the answer on its way.
    static let patienceAfterRequest: UInt64 = 300_000

    /// When the attempt is over.
    let deadline: UInt64
    private var answer: HelloScanner
    private var request = HelloScanner.forRequests
    private var repeatAt: UInt64?

    init(nonce: [UInt8], deadline: UInt64) {
        self.deadline = deadline
        answer = HelloScanner(nonce: nonce)
    }

    /// When the hello is to be sent anew, or the attempt to be given up.
    var nextDeadline: UInt64 { min(deadline, repeatAt ?? deadline) }

    /// Takes what arrived; gives the answer, and the bytes behind it.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> (answer: Hello, rest: UnsafeRawBufferPointer)? {
        var wasAsked = false
        var request = self.request
        let found = answer.scan(bytes) { other in
            var rest = other
            while let asked = request.scan(rest, handOn: { _ in }) {
                wasAsked = true
                rest = UnsafeRawBufferPointer(rebasing: rest[asked.used...])
            }
        }
        self.request = request
        if let found { return (found.hello, UnsafeRawBufferPointer(rebasing: bytes[found.used...])) }
        if wasAsked { repeatAt = repeatAt ?? now + Greeting.patienceAfterRequest }
        return nil
    }
}
