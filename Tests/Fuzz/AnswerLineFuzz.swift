// Compiled together with Sources/ControlProtocol by Tests/Fuzz/run.

import Foundation

/// What a proxy answers, line by line: logs, a launcher's events, its status. What is understood is written as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 0, let start else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let rest = bytes.dropFirst()
    switch bytes[0] & 3 {
    case 0: json(GuestEvent.self, rest)
    case 1: json(ProxyStatus.self, rest)
    default:
        let text = String(decoding: rest, as: UTF8.self)
        if let line = LogLine(line: text) { precondition(LogLine(line: line.line) == line) }
        ring(bytes)
    }
    return 0
}

private func json<Value: Codable & Equatable>(_ type: Value.Type, _ bytes: ArraySlice<UInt8>) {
    guard let value = try? JSONDecoder().decode(type, from: Data(bytes)) else { return }
    let again = (try? JSONEncoder().encode(value)).flatMap { try? JSONDecoder().decode(type, from: $0) }
    precondition(again == value)
}

/// A ring of lines gives whole lines, wherever a reader asks.
private func ring(_ bytes: [UInt8]) {
    var ring = LineRing(capacity: 64)
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
        ring.append(line)
        let (place, read) = ring.read(from: ring.end - Int(bytes[0] >> 2), limit: Int(bytes[0] >> 3))
        precondition(place >= ring.start && place + read.count <= ring.end && ring.end - ring.start <= 64)
        precondition(read.isEmpty || read.last == 0x0A)
    }
}
