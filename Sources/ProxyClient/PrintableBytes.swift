/// Bytes of any origin as text for a terminal: what would move the cursor, change colours or hide itself is written as octal
/// escapes, as is what is not UTF-8.
public func printable(_ bytes: some Collection<UInt8>) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
        return bytes.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : escaped($0) }.joined()
    }
    return text.unicodeScalars.map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            String(scalar).utf8.map { escaped($0) }.joined()
        default: String(scalar)
        }
    }.joined()
}

private func escaped(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
}
