/// One record of `/dev/kmsg`: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n KEY=value…`
/// (Documentation/ABI/testing/dev-kmsg in the kernel's sources).
public struct KernelLogRecord: Equatable, Sendable {
    /// Microseconds since boot, by the kernel's log clock.
    public var microseconds: UInt64
    /// What was logged; the kernel has escaped bytes that cannot be printed.
    public var text: ArraySlice<UInt8>

    /// The most bytes that a record has (`PRINTK_MESSAGE_MAX`, `CONSOLE_EXT_LOG_MAX`).
    public static let maximumLength = 8192

    /// Reads a record; nil when it is none.
    public init?(_ record: ArraySlice<UInt8>) {
        guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let fields = record[..<semicolon].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3 else { return nil }
        var value: UInt64 = 0
        for byte in fields[2] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), value < 1 << 58 else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        microseconds = value
        text = record[(semicolon + 1)...].prefix { $0 != UInt8(ascii: "\n") }
    }

    /// As `dmesg` prints it: `[    1.234567] text`.
    public var line: [UInt8] {
        func padded(_ number: UInt64, _ width: Int, _ fill: UInt8) -> [UInt8] {
            let digits = Array("\(number)".utf8)
            return [UInt8](repeating: fill, count: max(0, width - digits.count)) + digits
        }
        return [UInt8(ascii: "[")] + padded(microseconds / 1_000_000, 5, UInt8(ascii: " ")) + [UInt8(ascii: ".")]
            + padded(microseconds % 1_000_000, 6, UInt8(ascii: "0")) + [UInt8(ascii: "]"), UInt8(ascii: " ")] + text
    }
}
