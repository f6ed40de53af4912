internal import AgentProtocol
internal import CLinux
internal import LinuxSystem

/// What a receiver puts entries into. Content comes only between `begin` of a file and `endFile` or `abandon`.
protocol EntrySink: AnyObject {
    func begin(_ entry: CopyEntry) throws(CopyFault)
    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFault)
    func skip(_ length: UInt64) throws(CopyFault)
    /// The file is complete. One that is not intact is abandoned, and the error says so.
    func endFile(isIntact: Bool) throws(CopyFault)
    func abandon()
    func leave() throws(CopyFault)
    func discard()
}

/// Writes one file to an open descriptor, such as standard output, as it comes.
final class StreamWriter: EntrySink {
    private let output: FileDescriptor
    private let interruption: FileDescriptor?
    /// How much is written at once: what has room has room for `PIPE_BUF` bytes, and a file for all.
    private let pieceLength: Int
    private static let path = [UInt8(ascii: "-")]

    /// - Parameter interruption: ends a wait for the output's reader when it is readable.
    init(_ output: FileDescriptor, interruption: FileDescriptor?) {
        self.output = output
        self.interruption = interruption
        pieceLength = (try? output.status().kind.isFile) == true ? .max : 4096
    }

    func begin(_ entry: CopyEntry) throws(CopyFault) {
        guard case .file = entry.kind else { throw CopyFault(StreamWriter.path, "only a file's content can be written here") }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFault) { _ = try put(bytes) }

    /// False when the copy was interrupted before all was written. It ends when it waits for the sender next.
    private func put(_ bytes: UnsafeRawBufferPointer) throws(CopyFault) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            guard waitUntilWritable() else { return false }
            let count: Int?
            do throws(Errno) { count = try output.write(UnsafeRawBufferPointer(rebasing: rest.prefix(pieceLength))) } catch {
                var fault = CopyFault(StreamWriter.path, "cannot be written", error)
                fault.severity = .fatal
                throw fault
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[(count ?? 0)...])
        }
        return true
    }

    /// False when the copy was interrupted instead.
    private func waitUntilWritable() -> Bool {
        var requests = (
            pollfd(fd: output.rawValue, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: interruption?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
        )
        while requests.0.revents | requests.1.revents == 0 {
            _ = withUnsafeMutablePointer(to: &requests) { $0.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, -1) } }
        }
        return requests.1.revents == 0
    }

    func skip(_ length: UInt64) throws(CopyFault) {
        let zeros = [UInt8](repeating: 0, count: Int(min(length, 64 << 10)))
        var left = length
        while left > 0 {
            let count = Int(min(left, UInt64(zeros.count)))
            let written: Result<Bool, CopyFault> = zeros.withUnsafeBytes { buffer in
                do throws(CopyFault) {
                    return .success(try put(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
                } catch { return .failure(error) }
            }
            guard try written.get() else { return }
            left -= UInt64(count)
        }
    }

    func endFile(isIntact: Bool) throws(CopyFault) { if !isIntact { throw CopyFault.damaged(StreamWriter.path) } }
    func abandon() {}
    func leave() {}
    func discard() {}
}
