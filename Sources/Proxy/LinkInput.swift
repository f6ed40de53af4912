internal import AgentProtocol

/// What arrives on a link, told apart: the agent's hellos, and yamux's bytes after each. A value without I/O.
///
/// On a link without an end between an agent's connections a hello may come at any moment, in the middle of a frame that
/// nobody will finish. It is known by the token, which only the guest's root has; without a token, only the very first
/// bytes of a link are taken for a hello.
struct LinkInput {
    private enum Phase {
        /// These bytes are a proper beginning of a hello.
        case beginning([UInt8])
        /// The first bytes were none; so many were passed over since.
        case searching(HelloScanner, passedOver: Int)
        /// Yamux, and for some links the search for the next hello.
        case yamux(HelloScanner?)
    }

    private let hasEnd: Bool
    private let passedOverLimit: Int
    private var phase = Phase.beginning([])

    /// - Parameters:
    ///   - hasEnd: whether the channel ends with each of the agent's connections.
    ///   - passedOverLimit: how many bytes may come before a hello.
    init(hasEnd: Bool, passedOverLimit: Int) {
        self.hasEnd = hasEnd
        self.passedOverLimit = passedOverLimit
    }

    /// How many bytes are held back, because they may be the beginning of a hello.
    var heldCount: Int { if case .yamux(let scanner?) = phase { scanner.heldCount } else { 0 } }

    /// Takes bytes that arrived, up to the end of the next hello.
    ///
    /// - Parameters:
    ///   - token: what the guest's hello has to have; empty when that is not known.
    ///   - yamux: gets, in order, the bytes that are yamux's.
    /// - Returns: a hello, and how many of `bytes` it and what was before it have used up: go on with the others. What follows
    ///   is yamux's. Nil when all are used up.
    /// - Throws: why what arrived begins no link.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, token: [UInt8], yamux: (UnsafeRawBufferPointer) -> Void
    ) throws(ProtocolError) -> (hello: Hello, used: Int)? {
        switch phase {
        case .beginning(let before):
            return try begin(before, bytes, token)
        case .searching(let scanner, let passedOver):
            return try search(scanner, passedOver, bytes)
        case .yamux(nil):
            yamux(bytes)
            return nil
        case .yamux(var scanner?):
            let found = scanner.scan(bytes, handOn: yamux)
            phase = .yamux(scanner)
            if let found { return opened(by: found.hello, found.used) }
            return nil
        }
    }

    /// Gives yamux what is held back, because no more has come.
    mutating func release(yamux: (UnsafeRawBufferPointer) -> Void) {
        guard case .yamux(var scanner?) = phase else { return }
        scanner.release(handOn: yamux)
        phase = .yamux(scanner)
    }

    private mutating func begin(
        _ before: [UInt8], _ bytes: UnsafeRawBufferPointer, _ token: [UInt8]
    ) throws(ProtocolError) -> (hello: Hello, used: Int)? {
        let received = before + bytes
        do throws(ProtocolError) {
            guard let (hello, length) = try Hello.decode(received[...]) else {
                phase = .beginning(received)
                return nil
            }
            return opened(by: hello, length - before.count)
        } catch {
            guard error == .notAHello, !hasEnd, !token.isEmpty else { throw error }
        }
        let found: Result<(hello: Hello, used: Int)?, ProtocolError> = received.withUnsafeBytes { received in
            do throws(ProtocolError) {
                return .success(try search(HelloScanner(token: token), 0, received))
            } catch { return .failure(error) }
        }
        return try found.get().map { ($0.hello, $0.used - before.count) }
    }

    private mutating func search(
        _ scanner: HelloScanner, _ passedOver: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> (hello: Hello, used: Int)? {
        var scanner = scanner
        var passedOver = passedOver
        let found = scanner.scan(bytes) { passedOver += $0.count }
        if let found { return opened(by: found.hello, found.used) }
        guard passedOver <= passedOverLimit else { throw .notAHello }
        phase = .searching(scanner, passedOver: passedOver)
        return nil
    }

    private mutating func opened(by hello: Hello, _ used: Int) -> (hello: Hello, used: Int) {
        phase = .yamux(hasEnd || hello.token.isEmpty ? nil : HelloScanner(token: hello.token))
        return (hello, used)
    }
}
