import AgentProtocol
import CLinux
import LinuxSystem

/// A connection to a link socket that keeps to no rule: yamux's frames by hand.
final class HostileLink {
    private let socket: FileDescriptor
    private var input: [UInt8] = []
    private var skipped = 0
    /// What the proxy has opened, and may still be sent on it.
    private(set) var credit: [UInt32: Int] = [:]

    init(_ path: String) throws {
        let descriptor = linux_connect_unix(path)
        guard descriptor >= 0 else { throw Errno.current }
        socket = FileDescriptor(rawValue: descriptor)
        try socket.setNonBlocking()
    }

    deinit { socket.close() }

    /// Says hello and waits for the answer; false when the proxy closes the link, or refuses it.
    func greet(until isOver: () -> Bool) -> Bool {
        let hello = Hello(bootID: "hostile", token: Array(1...32), software: "hostile", nonce: [7], transport: .virtioSerial)
        var scanner = HelloScanner(nonce: hello.nonce)
        var answer: Hello?
        // The answer may be there before this thread has its next turn.
        var early: [UInt8] = []
        guard exchange(hello.encoded(), until: isOver, reading: { early += $0 }) else { return false }
        while answer == nil {
            var bytes = early
            early = []
            if bytes.isEmpty {
                guard !isOver(), wait(), let more = readSome() else { return false }
                bytes = more
            }
            guard let found = bytes.withUnsafeBytes({ scanner.scan($0) { _ in } }) else { continue }
            answer = found.hello
            parse(bytes[found.used...])
        }
        return answer?.refusal == nil
    }

    /// Waits for the proxy to open so many streams; false when the link is closed.
    func awaitStreams(_ count: Int, until isOver: () -> Bool) -> Bool {
        while credit.count < count {
            guard !isOver(), wait(), let bytes = readSome() else { return false }
            parse(bytes[...])
        }
        return true
    }

    /// Sends bytes, and takes what comes meanwhile; false when the link is closed, or it is over.
    func send(_ bytes: [UInt8], reads: Bool = true, until isOver: () -> Bool) -> Bool {
        exchange(bytes, until: isOver) { if reads { self.parse($0[...]) } else { self.input = [] } }
    }

    /// Waits a little for credit; false when the link is closed, or it is over.
    func awaitInput(until isOver: () -> Bool) -> Bool {
        guard !isOver(), wait(), let bytes = readSome() else { return false }
        parse(bytes[...])
        return true
    }

    /// Reads on until the link is closed, or it is over.
    func idle(until isOver: () -> Bool) {
        while !isOver(), wait() { guard readSome() != nil else { return } }
    }

    /// Does not read, and does not close.
    func stall(until isOver: () -> Bool) { while !isOver() { _ = wait(forInput: false) } }

    func spend(_ count: Int, of stream: UInt32) { credit[stream, default: 0] -= count }

    /// A yamux header.
    static func header(_ type: UInt8, _ flags: UInt16 = 0, stream: UInt32, length: UInt32) -> [UInt8] {
        [0, type] + bytes(flags) + bytes(stream) + bytes(length)
    }

    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    private func exchange(_ bytes: [UInt8], until isOver: () -> Bool, reading: ([UInt8]) -> Void) -> Bool {
        var sent = 0
        while true {
            guard let more = readSome(nothing: []) else { return false }
            if !more.isEmpty { reading(more) }
            guard sent < bytes.count else { return true }
            guard !isOver() else { return false }
            let count = bytes.withUnsafeBytes {
                CLinux.send(socket.rawValue, $0.baseAddress?.advanced(by: sent), $0.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else {
                guard Errno.current == .wouldBlock else { return false }
                _ = wait(alsoOutput: true)
            }
        }
    }

    /// Waits a little for something to read, so that the end of an attack is noticed.
    private func wait(forInput: Bool = true, alsoOutput: Bool = false) -> Bool {
        var request = pollfd(fd: forInput ? socket.rawValue : -1, events: Int16(POLLIN | (alsoOutput ? POLLOUT : 0)), revents: 0)
        return poll(&request, 1, 20) >= 0
    }

    /// What there is to read, `nothing` when there is nothing now; nil at the end.
    private func readSome(nothing: [UInt8] = []) -> [UInt8]? {
        do throws(Errno) {
            guard let bytes = try socket.read(upTo: 64 << 10) else { return nothing }
            return bytes.isEmpty ? nil : bytes
        } catch { return error == .wouldBlock ? nothing : nil }
    }

    /// Looks for streams that the proxy opens, and for credit.
    private func parse(_ bytes: ArraySlice<UInt8>) {
        input += bytes
        var position = 0
        while true {
            let passed = min(skipped, input.count - position)
            position += passed
            skipped -= passed
            guard skipped == 0, input.count - position >= 12 else { break }
            let header = input[position..<position + 12]
            position += 12
            let number = { (offset: Int) in header.dropFirst(offset).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
            let (stream, length) = (number(4), number(8))
            if header[header.startIndex + 3] & 1 != 0, header[header.startIndex + 1] < 2 { credit[stream] = 256 << 10 }
            if header[header.startIndex + 1] == 0 { skipped = Int(length) }
            if header[header.startIndex + 1] == 1 { credit[stream, default: 0] += Int(length) }
        }
        input.removeFirst(position)
    }
}

extension FileDescriptor {
    /// What there is now, at most so much; nil when that is nothing, empty at the end.
    fileprivate func read(upTo count: Int) throws(Errno) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let result: Result<Int?, Errno> = bytes.withUnsafeMutableBytes { buffer in
            do throws(Errno) { return .success(try read(into: buffer)) } catch { return .failure(error) }
        }
        guard let read = try result.get() else { return nil }
        return Array(bytes[..<read])
    }
}
