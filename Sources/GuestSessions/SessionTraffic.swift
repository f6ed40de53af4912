internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// What passes between a session's process and its clients.
extension Session {
    // MARK: From a client

    /// Takes bytes that arrived on a client's stream.
    func received(_ bytes: ArraySlice<UInt8>, from stream: LinkStream) {
        guard let index = client(stream) else { return stream.consumed(bytes.count) }
        if kind.isRaw {
            // Credit is given when the shell has read.
            if input.descriptor == nil { return stream.consumed(bytes.count) }
            input.append(bytes)
            return writeInput()
        }
        stream.consumed(bytes.count)
        clients[index].frames.append(bytes)
        do throws(ProtocolError) {
            while let frame = try clients[index].frames.next() { try obey(frame, index) }
            writeInput()
        } catch {
            writeKernelLog(.notice, "a client of session \(id) is cut off: \(error.text)")
            stream.reset()
            lost(stream)
        }
    }

    private func obey(_ frame: Frame, _ index: Int) throws(ProtocolError) {
        switch frame.type {
        case .standardInput:
            guard index == writer, !input.isEnded else {
                clients[index].untold += frame.payload.count
                return
            }
            // Twice, because another client may have left as much.
            let waiting = input.count + frame.payload.count
            guard waiting <= 2 * InputAllowance.initial else { throw .tooLong(length: waiting, limit: 2 * InputAllowance.initial) }
            input.append(frame.payload)
        case .endOfInput:
            if index == writer, input.count <= InputAllowance.initial { input.end() }
        case .signal:
            guard frame.payload.count == 1, let signal = frame.payload.first, signal > 0, signal < 65 else { throw .invalid("signal") }
            self.signal(CInt(signal))
        case .resize:
            let size = try TerminalSize(decoding: frame.payload)
            if index == writer { resize(size) }
        default: throw .unexpectedFrame(frame.type.rawValue)
        }
    }

    /// A client has no more to send.
    func inputFinished(_ stream: LinkStream) {
        guard let index = client(stream) else { return }
        if kind == .detached {
            // Somebody else may go on writing.
            let wrote = index == writer
            clients[index].wantsInput = false
            if wrote, let writer { clients[writer].becameWriter = true }
        } else {
            input.end()
        }
        writeInput()
    }

    /// Sets the size of its terminal, where it has one.
    func resize(_ size: TerminalSize) {
        guard process.isTerminal, let master = outputs.first?.descriptor else { return }
        PseudoTerminal.setSize(of: master, rows: size.rows, columns: size.columns)
    }

    /// The process takes input again, or nobody reads it any more.
    func writeInput(isReady: Bool = false) {
        told(input.write(loop, .input(id), isReady: isReady))
        deliver()
        conclude()
    }

    func told(_ count: Int) {
        guard count > 0, let writer else { return }
        if kind.isRaw { clients[writer].stream.consumed(count) } else { clients[writer].untold += count }
    }

    // MARK: To the clients

    /// Takes what the process has written and passes it on, as far as there is room; then, after its end, how it ended.
    func pump() {
        guard start == nil else { return }
        // Bounded, so that a process that writes without end leaves others their turn.
        for _ in 0..<16 where !fill() { break }
        deliver()
        conclude()
    }

    private func deliver() {
        // The first that a client hears is that it has begun.
        guard start == nil else { return }
        for index in clients.indices { clients[index].deliver(log, inputWaits: input.count > 0) }
        if kind == .detached { return log.dropOldest() }
        log.drop(before: clients.first?.position ?? log.end)
    }

    /// Reads once from each end that the process writes to; false when there is probably nothing more, or when it was moved: that is as
    /// much as a turn allows.
    private func fill() -> Bool {
        var hasChanged = false
        var index = 0
        while index < outputs.count {
            deliver()
            let room = self.room
            guard room > 0 else {
                // Not watched until there is room again.
                loop.watch(outputs[index].descriptor, [], outputs[index].source)
                index += 1
                continue
            }
            // The log of a session with one client is empty here: nothing is overtaken.
            if kind != .detached, outputs[index].move(to: clients[0].stream, isRaw: kind.isRaw) {
                loop.watch(outputs[index].descriptor, .readable, outputs[index].source)
                index += 1
                continue
            }
            switch outputs[index].read(into: &log, room: room) {
            case .some:
                hasChanged = true
                loop.watch(outputs[index].descriptor, .readable, outputs[index].source)
                index += 1
            case .few where outputs[index].isTerminal:
                loop.watch(outputs[index].descriptor, [], outputs[index].source)
                pausedUntil = Uptime.microseconds + SessionOutput.terminalPause
                index += 1
            case .few, .nothingNow:
                loop.watch(outputs[index].descriptor, .readable, outputs[index].source)
                index += 1
            case .over:
                hasChanged = true
                loop.close(outputs.remove(at: index).descriptor)
            }
        }
        return hasChanged
    }

    /// How many bytes may be read from the process now.
    private var room: Int {
        var room = Frame.preferredDataLength
        guard kind == .detached else {
            // Not `clients.first`, which would be a copy.
            guard !clients.isEmpty, clients[0].position == log.end else { return 0 }
            return min(room, clients[0].room)
        }
        let now = Uptime.microseconds
        for index in clients.indices where !clients[index].isLeftBehind {
            let left = SessionLog.capacity - Int(log.end - max(log.start, clients[index].position))
            if left <= 0 { clients[index].blocks(now: now) }
            room = min(room, left)
        }
        return room
    }

    private func conclude() {
        guard let end, outputs.isEmpty else { return }
        for client in clients where client.conclude(end, log) {
            wasRead = true
            if let index = self.client(client.stream) { remove(index) }
        }
        if clients.isEmpty { closeStreams() }
    }
}
