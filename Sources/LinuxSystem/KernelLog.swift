internal import CLinux

/// The kernel's log, `/dev/kmsg`, from the moment this reader was made (`Documentation/ABI/testing/dev-kmsg`).
public struct KernelLogReader: Sendable {
    private let file: FileDescriptor

    /// Starts at the log's present end; nil when it cannot be read.
    public init?() {
        guard let file = try? FileDescriptor.open("/dev/kmsg", .readNonBlocking) else { return nil }
        self.file = file
        _ = lseek(file.rawValue, 0, SEEK_END)
    }

    /// Releases the reader.
    public func close() { file.close() }

    /// The messages of the kernel itself (not of programs) since the last call, at most `limit`, and of that `priority` (0 to 7, as
    /// `man 2 syslog` has them) or a more urgent one.
    public func newMessages(limit: Int = 8, priority: Int = 7) -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while messages.count < limit {
            let record: Int? = buffer.withUnsafeMutableBytes { bytes in
                do throws(Errno) { return try file.read(into: bytes) } catch { return nil }
            }
            guard let count = record, count > 0 else { break }
            if let message = KernelLogReader.message(buffer[..<count], priority: priority) { messages.append(message) }
        }
        return messages
    }

    /// The text of a record `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n KEY=VALUE…`; nil when a program wrote it,
    /// or it is less urgent than `wanted`.
    static func message(_ record: ArraySlice<UInt8>, priority wanted: Int = 7) -> String? {
        guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        var priority = 0
        for byte in record[..<semicolon] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), priority < 100_000 else { break }
            priority = priority * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard priority >> 3 == 0, priority <= wanted else { return nil }
        let text = record[(semicolon + 1)...].prefix { $0 != UInt8(ascii: "\n") }
        return String(decoding: text, as: UTF8.self)
    }
}

/// How much a line in the kernel's log matters. With `quiet` the console shows `error` and worse.
public enum KernelLogLevel: Int, Sendable {
    /// KERN_ERR.
    case error = 3
    /// KERN_NOTICE.
    case notice = 5
    /// KERN_INFO.
    case information = 6
}

/// Writes one line to the kernel's log, where the console and `dmesg` show it. Lost when `/dev/kmsg` is not there.
public func writeKernelLog(_ level: KernelLogLevel, _ text: String) {
    guard let file = try? FileDescriptor.open("/dev/kmsg", .write) else { return }
    defer { file.close() }
    // A record holds 1,024 bytes at most (LOG_LINE_MAX); a longer write is refused whole.
    let line = "<\(level.rawValue)>vm-agent: \(text)"
    // Without its line feed a record could be continued: neither the console nor dmesg would show it before the next one.
    try? file.writeAll(line.utf8.prefix(960) + [UInt8(ascii: "\n")])
}
