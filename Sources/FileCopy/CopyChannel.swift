public import AgentProtocol
internal import CLinux
public import LinuxSystem

/// The stream of a copy: a descriptor to read and one to write, both non-blocking, perhaps the same. They stay the caller's.
public struct CopyChannel {
    let input: FileDescriptor
    /// Has the bytes to read; then `input` is its bell.
    let ring: SharedRing?
    let output: FileDescriptor
    /// Ends every wait when it is readable.
    let interruption: FileDescriptor?

    /// A channel on descriptors that are non-blocking.
    ///
    /// - Parameter ring: has what there is to read; then `input` is its bell.
    public init(
        input: FileDescriptor, ring: SharedRing? = nil, output: FileDescriptor, interruption: FileDescriptor? = nil
    ) {
        self.input = input
        self.ring = ring
        self.output = output
        self.interruption = interruption
    }

    /// What a wait has found.
    struct Ready {
        var input = false
        var output = false
        var source = false
    }

    /// Waits until the stream can be read, or, where asked for, written, or `source` be read; in that order of descriptors.
    ///
    /// - Parameter isPatient: false only looks.
    func wait(
        toRead: Bool = true, toWrite: Bool = false, source: FileDescriptor? = nil, isPatient: Bool = true
    ) throws(CopyFailure) -> Ready {
        // What is in the ring already rings no bell.
        let hasBytes = toRead && ring.map { !$0.waitForBytes() } ?? false
        // A descriptor of -1 is passed over (`man 2 poll`).
        var requests = (
            pollfd(fd: toRead ? input.rawValue : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: toWrite ? output.rawValue : -1, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: source?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: interruption?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
        )
        let result = withUnsafeMutablePointer(to: &requests) {
            $0.withMemoryRebound(to: pollfd.self, capacity: 4) { poll($0, 4, isPatient && !hasBytes ? -1 : 0) }
        }
        if result < 0 {
            let error = Errno.current
            guard error == .interrupted else { throw .streamBroke(error) }
            return Ready()
        }
        if requests.3.revents != 0 { throw .interrupted }
        return Ready(input: hasBytes || requests.0.revents != 0, output: requests.1.revents != 0, source: requests.2.revents != 0)
    }

    /// Reads what has arrived: the count, 0 at the end, nil when there is nothing now.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(CopyFailure) -> Int? {
        do throws(Errno) { return try input.read(into: buffer) } catch {
            // A peer that closed with our bytes unread: the end all the same.
            if error == .connectionReset { return 0 }
            throw .streamBroke(error)
        }
    }

    /// Shows `body` what has arrived, in the ring or by way of `buffer`: the count, 0 at the end, nil when there is nothing now.
    func take(
        by buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(CopyFailure) -> Void
    ) throws(CopyFailure) -> Int? {
        guard let ring else {
            guard let count = try read(into: buffer) else { return nil }
            if count > 0 { try body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count
        }
        let found: UnsafeRawBufferPointer?
        do throws(Errno) { found = try ring.next(bell: input) } catch { throw .streamBroke(error) }
        guard let found, !found.isEmpty else { return found?.count }
        try body(found)
        do throws(Errno) { try ring.take(found.count, bell: input) } catch { throw .streamBroke(error) }
        return found.count
    }

    /// Writes what the stream takes now; nil when nobody reads it any more.
    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFailure) -> Int? {
        do throws(Errno) { return try output.write(bytes) ?? 0 } catch {
            if error == .brokenPipe || error == .connectionReset { return nil }
            throw .streamBroke(error)
        }
    }
}

extension CopyChannel {
    /// Reads the first frame, the client's request, and what came with it: for the agent's side of copy-out.
    public func readRequest() throws(CopyFailure) -> (request: CopyRequest, rest: [UInt8]) {
        var decoder = FrameDecoder()
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            do throws(ProtocolError) {
                if let frame = try decoder.next() {
                    guard frame.type == .copyRequest else { throw .unexpectedFrame(frame.type.rawValue) }
                    return (try CopyRequest(decoding: frame.payload), Array(decoder.takeRemainder()))
                }
            } catch { throw .violation(error) }
            guard try wait().input, let count = try read(into: chunk) else { continue }
            guard count > 0 else { throw .streamEnded }
            decoder.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
    }
}
