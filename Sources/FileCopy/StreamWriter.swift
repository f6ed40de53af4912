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
    private static let path = [UInt8(ascii: "-")]

    init(_ output: FileDescriptor) { self.output = output }

    func begin(_ entry: CopyEntry) throws(CopyFault) {
        guard case .file = entry.kind else { throw CopyFault(StreamWriter.path, "only a file's content can be written here") }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(CopyFault) {
        var rest = bytes
        while !rest.isEmpty {
            let count: Int?
            do throws(Errno) { count = try output.write(rest) } catch {
                var fault = CopyFault(StreamWriter.path, "cannot be written", error)
                fault.severity = .fatal
                throw fault
            }
            if count == nil { waitUntilWritable() }
            rest = UnsafeRawBufferPointer(rebasing: rest[(count ?? 0)...])
        }
    }

    private func waitUntilWritable() {
        var request = pollfd(fd: output.rawValue, events: Int16(POLLOUT), revents: 0)
        _ = poll(&request, 1, -1)
    }

    func skip(_ length: UInt64) throws(CopyFault) {
        let zeros = [UInt8](repeating: 0, count: Int(min(length, 64 << 10)))
        var left = length
        while left > 0 {
            let count = Int(min(left, UInt64(zeros.count)))
            let fault: CopyFault? = zeros.withUnsafeBytes { buffer in
                do throws(CopyFault) {
                    try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    return nil
                } catch { return error }
            }
            if let fault { throw fault }
            left -= UInt64(count)
        }
    }

    func endFile(isIntact: Bool) throws(CopyFault) { if !isIntact { throw CopyFault.damaged(StreamWriter.path) } }
    func abandon() {}
    func leave() {}
    func discard() {}
}
