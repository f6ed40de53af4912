internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// The first moments of a session, until its process has become its program: it looks for files, and those may be on a server that is silent.
struct PendingStart {
    /// How long the clients wait for it: 1 s. A process that takes longer counts as its program, and says on its standard error what goes wrong
    /// then.
    private static let patience: UInt64 = 1_000_000

    /// When it is over, in any case.
    let deadline = Uptime.microseconds + PendingStart.patience
    /// Who asked for a detached session, and awaits its number.
    var requester: LinkStream?
    /// Signals for the program, in the order in which they came last: the process may have no group yet, and passes some over.
    private(set) var signals: [CInt] = []

    mutating func keep(_ signal: CInt) {
        signals.removeAll { $0 == signal }
        signals.append(signal)
    }
}

extension Session {
    /// Looks whether its process has become its program; `isLast`: takes it for that.
    func finishStart(isLast: Bool = false) {
        guard let pending = start else { return }
        let outcome = process.childStart.outcome(isLast: isLast)
        if case .pending = outcome { return }
        start = nil
        loop.close(process.childStart.report)
        if case .refused(let refusal) = outcome {
            refused(SessionStartFailure(code: refusal.code, reason: String(decoding: refusal.reason, as: UTF8.self)))
        } else {
            for signal in pending.signals { self.signal(signal) }
            // Only now it can act on what it was told.
            if ending != nil { ending = SessionEnding(now: Uptime.microseconds) }
            for index in clients.indices { tellStart(index) }
        }
        if let requester = pending.requester { reply = (requester, end.map(ended) ?? started(isWriter: false)) }
        pump()
    }

    /// There is no program, and no process any more.
    private func refused(_ failure: SessionStartFailure) {
        end = .notStarted(code: failure.code, reason: failure.reason)
        // Who wants to know is told now.
        wasRead = true
        loop.close(process.child.pidfd)
        closeStreams()
        // Of its input there is nothing to tell: all that a client hears is the end.
        for index in clients.indices { clients[index].untold = 0 }
        guard kind.isRaw else { return }
        for client in clients {
            client.stream.refuse(failure.reason)
            left.append(client.stream)
        }
        clients = []
    }

    private func ended(_ end: ExitStatus) -> [UInt8] { Frame(.ended, end.encoded()[...]).encoded() }
}
