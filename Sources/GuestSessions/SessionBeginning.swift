internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// The first moments of a session, until its process has become its program: it looks for files, and those may be on a server that is silent.
struct SessionBeginning {
    /// How long the clients wait for it: 1 s. A process that takes longer counts as its program, and says on its standard error what goes wrong
    /// then.
    private static let patience: UInt64 = 1_000_000

    /// When it is over, in any case.
    let deadline = Uptime.microseconds + SessionBeginning.patience
    /// Who asked for a detached session, and awaits its number.
    var requester: LinkStream?
    /// The signals for the program, a bit for each: the process may have no group yet, and passes some over.
    private var signals: UInt64 = 0

    /// Keeps a signal, 1 to 64, until the program is there.
    mutating func keep(_ signal: CInt) { signals |= 1 << UInt64(signal - 1) }

    /// The signals that were kept, by number.
    var kept: [CInt] { (1...64).filter { signals & (1 << UInt64($0 - 1)) != 0 } }
}

extension Session {
    /// Looks whether its process has become its program; `isLast`: takes it for that.
    func begin(isLast: Bool = false) {
        guard let beginning = start else { return }
        let outcome = process.start.outcome(isLast: isLast)
        if case .pending = outcome { return }
        start = nil
        loop.close(process.start.report)
        if case .refused(let refusal) = outcome {
            refused(SessionStartFailure(code: refusal.code, reason: String(decoding: refusal.reason, as: UTF8.self)))
        } else {
            for signal in beginning.kept { self.signal(signal) }
            for index in clients.indices { tellStart(index) }
        }
        if let requester = beginning.requester { reply = (requester, end.map(ended) ?? started(isWriter: false)) }
        pump()
    }

    /// There is no program, and no process any more.
    private func refused(_ failure: SessionStartFailure) {
        end = .notStarted(code: failure.code, reason: failure.reason)
        // Who wants to know is told now.
        wasRead = true
        loop.close(process.child.pidfd)
        closeStreams()
        guard kind.isRaw else { return }
        for client in clients {
            client.stream.refuse(failure.reason)
            left.append(client.stream)
        }
        clients = []
    }

    private func ended(_ end: ExitStatus) -> [UInt8] { Frame(.ended, end.encoded()[...]).encoded() }
}
