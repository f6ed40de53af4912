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
    /// The beginning of an answer without a nonce; nil where there can be none.
    private var plain: [UInt8]?

    /// - Parameter takesPlainAnswer: whether a hello without a nonce is an answer when it comes first: on a connection of our
    ///   own, which has no bytes of another.
    init(nonce: [UInt8], deadline: UInt64, takesPlainAnswer: Bool) {
        self.deadline = deadline
        answer = HelloScanner(nonce: nonce)
        plain = takesPlainAnswer ? [] : nil
    }

    /// When the hello is to be sent anew, or the attempt to be given up.
    var nextDeadline: UInt64 { min(deadline, repeatAt ?? deadline) }

    /// Takes what arrived; gives the answer, and the bytes behind it.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> (answer: Hello, rest: UnsafeRawBufferPointer)? {
        if let found = receivePlain(bytes) { return found }
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

    private mutating func receivePlain(_ bytes: UnsafeRawBufferPointer) -> (answer: Hello, rest: UnsafeRawBufferPointer)? {
        guard let before = plain else { return nil }
        let received = before + bytes
        do throws(ProtocolError) {
            guard let (hello, length) = try Hello.decode(received[...]) else {
                plain = received
                return nil
            }
            plain = nil
            guard hello.nonce.isEmpty, !hello.isRequest else { return nil }
            return (hello, UnsafeRawBufferPointer(rebasing: bytes[(length - before.count)...]))
        } catch {
            plain = nil
            return nil
        }
    }
}
