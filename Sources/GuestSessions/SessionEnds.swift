internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// Signals, the end of a session's time, and that of its process.
extension Session {
    /// Sends a signal to its process group, and to the one in the foreground of its terminal.
    func signal(_ number: CInt) {
        guard end == nil else { return }
        guard start == nil else {
            start?.keep(number)
            return
        }
        // One that came to no group yet, after a second, gets it itself.
        if !process.child.signalGroup(number) { process.child.signal(number) }
        guard process.isTerminal, let master = outputs.first?.descriptor else { return }
        if let group = PseudoTerminal.foregroundGroup(of: master), group != process.child.identifier { _ = kill(-group, number) }
    }

    /// The signal that asks it to end: shells at a terminal pass over SIGTERM.
    var polite: CInt { process.isTerminal ? SIGHUP : SIGTERM }

    func terminate(_ number: CInt) {
        signal(number)
        // One that is stopped would not act on it.
        signal(SIGCONT)
        ending = SessionEnding(now: Uptime.microseconds)
    }

    /// The uptime at which `tick` has something to do.
    var nextDeadline: UInt64? {
        var deadline = end == nil ? (ending == nil ? timeLimit : ending?.nextDeadline) : nil
        for client in clients { if let next = client.deadline { deadline = min(deadline ?? .max, next) } }
        if let pausedUntil { deadline = min(deadline ?? .max, pausedUntil) }
        if let start { deadline = min(deadline ?? .max, start.deadline) }
        return deadline
    }

    /// Does what is due by now.
    func tick(now: UInt64) {
        if let start, start.deadline <= now { finishStart(isLast: true) }
        if end == nil, ending == nil, let timeLimit, timeLimit <= now {
            isTimedOut = true
            terminate(SIGTERM)
        }
        switch end == nil ? ending?.act(now: now) ?? .nothing : .nothing {
        case .nothing: break
        case .lookForOthers: leaderEnded(now: now)
        case .kill:
            signal(SIGKILL)
            if leaderHasEnded { reap() }
        }
        for index in clients.indices { clients[index].leaveBehind(now: now) }
        if let pausedUntil, pausedUntil <= now { self.pausedUntil = nil }
        pump()
    }

    /// The process may have ended.
    func processEnded() {
        guard end == nil, process.child.end(keepingIdentifier: true) != nil else { return }
        finishStart(isLast: true)
        guard end == nil else { return }
        leaderEnded(now: Uptime.microseconds)
    }

    private func leaderEnded(now: UInt64) {
        leaderHasEnded = true
        loop.watch(process.child.pidfd, [], .end(id))
        if ending?.isKilled == false, process.child.groupHasOthers {
            ending?.othersRun(now: now)
        } else {
            reap()
        }
    }

    private func reap() {
        guard end == nil, let how = process.child.end() else { return }
        switch how {
        case .exited(let code): end = .exited(code)
        case .signaled(let signal): end = .signaled(signal)
        }
        if isTimedOut { end = .timedOut }
        for index in outputs.indices { outputs[index].processEnded() }
        loop.close(process.child.pidfd)
        pump()
    }

    /// It has ended and is kept no longer, not even for the clients that it has.
    func forget() {
        for client in clients {
            client.stream.reset()
            left.append(client.stream)
        }
        clients = []
        closeStreams()
    }

    func closeStreams() {
        told(input.close(loop))
        for output in outputs { loop.close(output.descriptor) }
        outputs = []
    }
}
