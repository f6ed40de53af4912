internal import LinuxSystem

/// What waits to be read by a session's process, and our end of where it reads.
struct SessionInput {
    /// Nil once it is closed, or when there never was one.
    private(set) var descriptor: FileDescriptor?
    /// Takes the bytes; then the descriptor is its bell.
    private var ring: SharedRing?
    private let isTerminal: Bool
    private var queue = ByteQueue()
    /// Whether no more will come.
    private(set) var isEnded: Bool

    init(_ process: SessionProcess) {
        descriptor = process.input
        ring = process.inputRing
        isTerminal = process.isTerminal
        isEnded = descriptor == nil
    }

    /// How many bytes wait.
    var count: Int { queue.count }

    mutating func append(_ bytes: ArraySlice<UInt8>) { queue.append(bytes) }

    /// No more comes. A terminal's reader is told by the character for it; the terminal itself stays.
    mutating func end() {
        guard !isEnded else { return }
        if isTerminal { queue.append([PseudoTerminal.endOfInput]) } else { isEnded = true }
    }

    /// Writes what the process takes, and watches for room. Returns how many bytes are done with.
    ///
    /// - Parameter isReady: whether the descriptor was found to be ready.
    mutating func write(_ loop: Watcher, _ source: EventSource, isReady: Bool = false) -> Int {
        var done = 0
        guard let descriptor else { return discard() }
        var isOver = false
        // The ring's reader says when there is room worth a turn, and that it is gone.
        if let ring, ring.isWaiting {
            guard isReady else { return 0 }
            isOver = (try? SharedRing.hear(descriptor)) != true
        }
        while !queue.isEmpty, !isOver {
            var offered = 0
            let written = queue.take { buffer in
                offered = buffer.count
                do throws(Errno) {
                    if let ring { return try ring.write(buffer, bell: descriptor) }
                    return try descriptor.write(buffer) ?? 0
                } catch {
                    // Of a reader's end it is told in another way.
                    if error != .brokenPipe, error != .connectionReset {
                        writeKernelLog(.error, "a session's input cannot be passed on: \(error.description)")
                    }
                    isOver = true
                }
                return 0
            }
            done += written
            // It is full, so another attempt would be in vain.
            if written < offered, !isOver, ring?.waitForRoom() ?? true {
                loop.watch(descriptor, ring == nil ? .writable : .readable, source)
                return done
            }
        }
        // Nobody reads any more, or nothing more comes.
        if isOver || isEnded { return done + close(loop) }
        loop.watch(descriptor, [], source)
        return done
    }

    /// Closes our end. Returns how many bytes are done with.
    mutating func close(_ loop: Watcher) -> Int {
        if let descriptor { loop.close(descriptor) }
        (descriptor, ring) = (nil, nil)
        isEnded = true
        return discard()
    }

    private mutating func discard() -> Int {
        let count = queue.count
        queue.removeAll()
        return count
    }
}
